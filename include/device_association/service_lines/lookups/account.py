"""What Rev.io shows of SIMs that are to be called for: looked at soon before each call, in as few calls as that takes.

Absence is proven before a line is created. Source: the Rev.io contract, 'Duplicates', 2. Three things are put together:

- the account's last listing, kept in the database, which shows lines of other customers and odd spellings;
- what was created in the account since, by one list that all workers share, read again when it is 50 s old;
- the customer's whole list at the plan, or, where that takes fewer calls and the account's filters are proven, a look-up of
  each SIM by its ICCID.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from functools import partial
from math import ceil

from sqlalchemy import Connection, Engine

from device_association.database.execution import changed, in_transaction, run, values
from device_association.domain.errors import ConfigurationError
from device_association.domain.sim_numbers import msisdn_key
from device_association.revio.client import RevioClient
from device_association.revio.lines import Line
from device_association.revio.listings import Listing, dated_since, newest_of
from device_association.revio.pages import PAGE_SIZE
from device_association.revio.sims import Sim
from device_association.service_lines.context import Clients
from device_association.service_lines.lookups.filters import AccountFilters, AccountState, shows
from device_association.service_lines.lookups.known import shown_before, shown_since
from device_association.service_lines.lookups.snapshot import (
    ListShifts,
    RevAccount,
    as_lengths,
    keep_lines,
    list_account,
)
from device_association.settings import Settings

LOOK_LASTS = timedelta(seconds=60)
"""How old the last look at a SIM may be when its call begins."""
LOOK_AGAIN = timedelta(seconds=50)
"""How old a look at an account is when a worker takes the next one."""
LOOK_TAKES = timedelta(seconds=5)
"""How long the others leave it to the worker that began a look."""
LISTING_LASTS = timedelta(days=2)
"""How old an account's listing may be; reconciliation renews it each day."""
SMALL_ACCOUNT = 4 * PAGE_SIZE
"""An account with no more lines than this is listed again where its filter on dates does not work."""
TWINS = {19: "20", 20: "19"}
"""Lengths of ICCIDs that name the same SIM: a filter finds only the one that is asked for."""
log = logging.getLogger(__name__)


class AccountLooks:
    """What one Rev.io account shows. Raises the errors of its client, and StepUnfinished while another run lists it."""

    def __init__(
        self,
        engine: Engine,
        client: RevioClient,
        account: RevAccount,
        clock: Callable[[], datetime],
        search_lag: timedelta,
    ) -> None:
        self._engine, self._client, self._account = engine, client, account
        self._clock, self._search_lag = clock, search_lag
        self._filters = AccountFilters(engine, client, account, clock)

    def refresh(self) -> datetime | None:
        """Return since when each line that is created in the account is known, at most LOOK_LASTS ago.

        None where the account cannot be looked at as a whole: it shows only a part, or its filter on dates does not work.
        """
        look, now = self._filters.find_state(), self._clock()
        if look is None or look.looked is None or look.listed is None or look.listed < now - LISTING_LASTS:
            return self._list(since=now - LISTING_LASTS)
        looked = look.looked
        if looked > now - LOOK_AGAIN:
            return looked
        begin = {"now": now, "begun_before": now - LOOK_TAKES, "account_id": self._account.account_id}
        begun = in_transaction(
            self._engine, lambda connection: changed(connection, "service_lines/begin_look", **begin)
        )
        if not begun and looked > now - (LOOK_LASTS - LOOK_TAKES):
            return looked
        return self._read_new(look)

    def since(self, moment: datetime) -> list[Line]:
        """Return the lines of the account that were shown first, or shown otherwise than before, after a moment."""
        with self._engine.connect() as connection:
            return shown_since(connection, self._account.account_id, moment)

    def known(self, sims: Iterable[Sim]) -> list[Line]:
        """Return the lines that the account has shown and that may be one of these SIMs', without a call."""
        with self._engine.connect() as connection:
            return shown_before(connection, self._account.account_id, sims)

    def is_just_listed(self) -> bool:
        """Whether the whole account was listed a moment ago: `known` has what a customer's list would show."""
        look = self._filters.find_state()
        return bool(look and look.is_whole and look.listed and look.listed > self._clock() - LOOK_AGAIN)

    def customer_lines(self, number: int) -> list[Line]:
        """Return what the list of a customer shows now; raise ListShifts where that cannot be all of it."""
        listing = self._filters.filtered(customer_id=number)
        if listing is None:
            return self._filters.whole_account()
        if not listing.is_stable:
            raise ListShifts(f"{self._account.name}: the list of customer {number} shifts each time that it is read")
        if any(line.customer_id not in (None, number) for line in listing):
            return self._filters.whole_account()  # the filter did not work, and what it showed may be another's list
        if not listing.lines and not self._filters.customers_are_found():
            log.warning("%s: the list of customer %s is empty, and others are not found", self._account.name, number)
            return self._filters.whole_account()
        if any(line.customer_id is None for line in listing) and not self._filters.leaves_others_out(listing, number):
            return list(listing)
        return [replace(line, customer_id=number) for line in listing]

    def finds(self, sim: Sim) -> bool:
        """Whether look-ups by its numbers prove what lines a SIM has: filters that work, and no line that they miss."""
        look = self._filters.find_state()
        if look is None or look.listed is None or not look.is_whole or look.irregular != 0:
            return False
        if TWINS.get(len(sim.iccid)) in (look.iccid_lengths or "").split(","):
            return False
        return self._filters.are_proven(look)

    def look_up(self, sim: Sim, *, by_msisdn: bool) -> list[Line] | None:
        """Return the lines, of any customer, that Rev.io finds by the SIM's ICCID, and by its MSISDN where that is wanted.

        None where Rev.io refuses to look for one of them, or what it shows shifts: that proves nothing.
        """
        found = [self._filters.filtered(number2=sim.iccid)]
        if by_msisdn:
            found.append(self._filters.filtered(number=msisdn_key(sim.msisdn) or sim.iccid))
        stable = [listing for listing in found if listing is not None and listing.is_stable]
        return [line for listing in stable for line in listing] if len(stable) == len(found) else None

    def may_hide_lines(self) -> bool:
        """Whether no pass may have shown some line of the account, whose list shifted, that look-ups by number would find."""
        look = self._filters.find_state()
        return bool(look and look.listed and not look.is_whole and self._filters.are_proven(look))

    def look_ups_are_fewer(self, number: int, sims: Sequence[Sim]) -> bool:
        """Whether look-ups by ICCID need fewer calls than the customer's list, which is read twice if it has pages."""
        about = {"customer_number": str(number), "account_id": self._account.account_id}
        with self._engine.connect() as connection:
            (count,) = values(connection, "service_lines/count_customer_lines", **about)
        pages = ceil(count / PAGE_SIZE)
        return pages > 1 and len(sims) < 2 * pages and all(map(self.finds, sims))

    def check(self, line: Line) -> list[Line]:
        """Return a line as Rev.io shows it now: none where it is gone.

        One without an id is found by its number, where filters on numbers work, else in the whole list of the account.
        """
        if line.service_id is not None:
            now_there = self._client.line(line.service_id)
            return [] if now_there is None else [now_there]
        number = {"number2": line.number2} if line.number2 else {"number": line.number}
        look = self._filters.find_state()
        listing = self._filters.filtered(**number) if look and self._filters.are_proven(look) else None
        found = listing if listing and listing.is_stable else self._filters.whole_account()
        shown = [one for one in found if one.match_keys & line.match_keys]
        if not any(one.key == line.key for one in shown):
            forget = {"line_key": line.key, "account_id": self._account.account_id}
            in_transaction(self._engine, lambda connection: run(connection, "service_lines/forget_unjudged", **forget))
        return shown

    def _list(self, since: datetime) -> datetime | None:
        try:
            return list_account(self._engine, self._account, self._client.lines, since=since, clock=self._clock)
        except ListShifts as shifts:
            log.warning("%s", shifts)
            return shifts.listed
        except ConfigurationError as partial_view:
            log.warning("%s", partial_view)
            return None

    def _read_new(self, look: AccountState) -> datetime | None:
        """Read what was created since the last look; the newest line of that time shows that the filter works."""
        if look.newest is None or look.looked is None:
            return self._list(since=self._clock())
        begun, start = self._clock(), dated_since(look.newest, look.looked) - self._search_lag
        start -= put_back(self._client.account.zone, start, begun)
        listing = self._filters.filtered(created_date_start=start)
        if listing and listing.is_stable and shows(listing, look.newest_id) and _is_since(listing, start):
            in_transaction(self._engine, partial(self._keep_new, lines=listing.lines, look=look, begun=begun))
            return begun
        log.warning("%s: the filter created_date_start does not work", self._account.name)
        return self._list(since=begun) if (look.line_count or 0) <= SMALL_ACCOUNT else None

    def _keep_new(
        self, connection: Connection, *, lines: Collection[Line], look: AccountState, begun: datetime
    ) -> None:
        newest = newest_of(lines, begun)
        account_id = self._account.account_id
        run(
            connection,
            "service_lines/end_look",
            looked=begun,
            newest=newest.created if newest else look.newest,
            newest_id=newest.service_id if newest else look.newest_id,
            account_id=account_id,
        )
        keep_lines(connection, lines, account_id=account_id, listed=begun, shown=self._clock())
        irregular = sum(not line.is_regular() for line in lines if line.is_active(begun))
        lengths = as_lengths(lines, look.iccid_lengths)
        if irregular or lengths != look.iccid_lengths:
            counts = {"irregular": irregular, "iccid_lengths": lengths, "account_id": account_id}
            run(connection, "service_lines/count_irregular", **counts)


def put_back(zone: tzinfo, start: datetime, now: datetime) -> timedelta:
    """Return by how much the clocks of a zone were put back between two moments: what was dated since looks older by that."""
    before, after = start.astimezone(zone).utcoffset(), now.astimezone(zone).utcoffset()
    return max(timedelta(), before - after) if before is not None and after is not None else timedelta()


def _is_since(listing: Listing, start: datetime) -> bool:
    """Whether a list holds nothing that was created before a moment, up to the second that a filter is sent with."""
    return all(line.created is None or line.created >= start - timedelta(seconds=1) for line in listing)


def looks_at(
    engine: Engine, clients: Clients, account: RevAccount, settings: Settings, clock: Callable[[], datetime]
) -> AccountLooks:
    """Return what looks at a Rev.io account."""
    lag = timedelta(seconds=settings.rev_search_lag_seconds)
    return AccountLooks(engine, clients(account.connection_id), account, clock, lag)
