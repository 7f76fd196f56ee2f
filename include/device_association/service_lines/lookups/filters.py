"""What an account's lists with filters show, and whether those filters are proven to work."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine

from device_association.database.execution import in_transaction, row, run, values
from device_association.domain.errors import RevioRejected
from device_association.revio.client import RevioClient
from device_association.revio.lines import Line
from device_association.revio.listings import Listing
from device_association.service_lines.lookups.snapshot import ListShifts, RevAccount

PROOF_LASTS = timedelta(hours=1)
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class AccountState:
    """What is known of an account's lines, as `service_lines/find_look` returns it. All times are UTC."""

    listed: datetime | None
    line_count: int | None
    is_whole: bool
    looked: datetime | None
    """Since when each line that is created is known."""
    newest: datetime | None
    newest_id: int | None
    """The line that was created last, and when."""
    proven: datetime | None
    """When filters on numbers were proven to work."""
    irregular: int | None
    """How many active lines filters on numbers do not find."""
    iccid_lengths: str | None
    """How long the ICCIDs of the lines are, as `19,20`."""


@dataclass(frozen=True, slots=True)
class ControlLine:
    """A line that filters on its numbers have to find, as `service_lines/find_control` returns it."""

    service_id: int
    number: str
    number2: str


class AccountFilters:
    """The lists of one Rev.io account. Raises the errors of its client."""

    def __init__(self, engine: Engine, client: RevioClient, account: RevAccount, clock: Callable[[], datetime]) -> None:
        self._engine, self._client, self._account, self._clock = engine, client, account, clock

    def find_state(self) -> AccountState | None:
        """Return what is known of the account's lines; None where it was never listed."""
        with self._engine.connect() as connection:
            return row(connection, AccountState, "service_lines/find_look", account_id=self._account.account_id)

    def filtered(self, **filters: Any) -> Listing | None:  # mypy holds `**` against each named parameter
        """Return what a list with filters shows; None where Rev.io refuses them: then they do not work."""
        try:
            return self._client.lines(**filters)
        except RevioRejected as refused:
            log.warning("%s: the list by %s is refused: %s", self._account.name, sorted(filters), refused)
            return None

    def whole_account(self) -> list[Line]:
        """Return all lines of the account; raise ListShifts where the list shifts each time that it is read."""
        listing = self._client.lines()
        if not listing.is_stable:
            raise ListShifts(f"{self._account.name}: the list of all lines shifts each time that it is read")
        return list(listing)

    def are_proven(self, state: AccountState) -> bool:
        """Whether look-ups by number are proven to find what they should, lately or now."""
        return bool(state.proven and state.proven > self._clock() - PROOF_LASTS) or self._prove()

    def _prove(self) -> bool:
        """Look a known line up by each of its numbers, and record whether that found it and nothing else."""
        control = self._find_control()
        if control is None:
            return False
        now = self._clock()
        by_number2, by_number = self.filtered(number2=control.number2), self.filtered(number=control.number)
        proven = (
            by_number2 is not None
            and by_number is not None
            and shows(by_number2, control.service_id)
            and shows(by_number, control.service_id)
            and all(line.number2 == control.number2 for line in by_number2)
            and all(line.number == control.number for line in by_number)
        )
        if not proven:
            log.warning("%s: look-ups by number do not work; whole lists are read", self._account.name)
        binds = {"proven": now if proven else None, "account_id": self._account.account_id}
        in_transaction(self._engine, lambda connection: run(connection, "service_lines/record_proof", **binds))
        return proven

    def customers_are_found(self) -> bool:
        """Whether the filter on customers shows a line that is known, at whatever customer it is now."""
        control = self._find_control()
        line = self._client.line(control.service_id) if control else None
        if control is None or line is None or line.customer_id is None:
            return False
        listing = self.filtered(customer_id=line.customer_id, number2=control.number2)
        return listing is not None and shows(listing, line.service_id)

    def leaves_others_out(self, listing: Listing, number: int) -> bool:
        """Whether a customer's list lacks a line that is known to be another customer's: its filter works."""
        about = {"customer_number": str(number), "account_id": self._account.account_id}
        with self._engine.connect() as connection:
            known: list[int] = values(connection, "service_lines/find_line_of_others", **about)
        line = self._client.line(known[0]) if known else None
        return bool(line and line.customer_id not in (None, number) and not shows(listing, line.service_id))

    def _find_control(self) -> ControlLine | None:
        with self._engine.connect() as connection:
            return row(connection, ControlLine, "service_lines/find_control", account_id=self._account.account_id)


def shows(listing: Listing, service_id: int | None) -> bool:
    """Whether a list has the line with this id."""
    return any(line.service_id == service_id for line in listing)
