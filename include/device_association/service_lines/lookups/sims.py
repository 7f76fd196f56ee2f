"""What is known of the lines of one slice's SIMs, kept fresh until their calls begin."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from threading import RLock

from sqlalchemy import Connection

from device_association.database.execution import run
from device_association.domain.encoding import as_json
from device_association.revio.lines import Line
from device_association.revio.sims import Judgment, judge
from device_association.service_lines.context import SliceContext
from device_association.service_lines.devices import SliceDevice
from device_association.service_lines.lookups.account import LOOK_AGAIN, LOOK_LASTS, AccountLooks, looks_at
from device_association.service_lines.lookups.known import KnownLine, keep_known, match
from device_association.service_lines.lookups.snapshot import RevAccount

BEGINS_WITHIN = timedelta(seconds=5)
"""How long it takes at most from the check of a look's age to the begin of the call."""


@dataclass(slots=True)
class Known:
    """A line that may be a SIM's. `needs_check`: it was shown earlier, and is read again before it decides anything."""

    line: Line
    needs_check: bool


@dataclass(slots=True)
class SliceLooks:
    """What Rev.io shows of the SIMs of some devices. Safe to use from several threads.

    Its methods raise the errors of the Rev.io client, and StepUnfinished while another run lists an account.
    """

    context: SliceContext
    _known: dict[int, dict[str, Known]] = field(default_factory=dict)
    _looked: dict[int, datetime] = field(default_factory=dict)
    _accounts: dict[str, AccountLooks] = field(default_factory=dict)
    _hiding: dict[str, bool] = field(default_factory=dict)
    """The accounts, by connection, whose lists may hide lines of other customers: each SIM is looked up too."""
    _lists: dict[tuple[str, int], tuple[datetime, list[Line]]] = field(default_factory=dict)
    _found: set[int] = field(default_factory=set)
    _lock: RLock = field(default_factory=RLock)

    def learn(self, devices: Iterable[SliceDevice], known: Iterable[KnownLine]) -> None:
        """Take over what the database has of these devices' SIMs."""
        with self._lock:
            self._known.clear()
            for one in known:
                kept = Known(Line.from_record(one.record), one.needs_check)
                self._known.setdefault(one.intent_id, {})[one.line_key] = kept
            self._looked = {one.intent_id: one.looked for one in devices if one.looked is not None}

    def is_fresh(
        self, device: SliceDevice, *, begins_within: timedelta = BEGINS_WITHIN, now: datetime | None = None
    ) -> bool:
        """Whether a call for the SIM may begin as far as its last look goes, if that takes no longer than this."""
        looked = self._looked.get(device.intent_id)
        return looked is not None and looked > (now or self.context.clock()) - (LOOK_LASTS - begins_within)

    def was_found(self, device: SliceDevice) -> bool:
        """Whether a line that may be the SIM's came to be known since the SIM was judged."""
        return device.intent_id in self._found

    def renew(self, devices: Iterable[SliceDevice]) -> None:
        """Look at what was created in the accounts since these SIMs were looked at, where that is too long ago.

        A SIM that was never looked at, or whose account cannot be looked at as a whole, stays as it is.
        """
        with self._lock:
            stale = [one for one in devices if one.intent_id in self._looked and not self.is_fresh(one)]
            stale.sort(key=lambda device: str(device.connection_id))
            for _, own in groupby(stale, key=lambda device: device.connection_id):
                self._renew_account(list(own))

    def judge(self, device: SliceDevice) -> Judgment:
        """Return what the lines that Rev.io shows mean for a SIM that nobody has called for yet."""
        self.renew([device])
        if not self.is_fresh(device):
            self._look_alone(device)
        else:
            self._add(device, self._hidden(device))
        lines = self._checked(device)
        self._found.discard(device.intent_id)
        return self._judge(device, lines)

    def look_up(self, device: SliceDevice) -> tuple[Judgment, datetime]:
        """Return what Rev.io shows now of a SIM whose call's outcome is in doubt, and when it was asked."""
        asked, shown = self._look(device, was_called=True)
        return self._judge(device, shown), asked

    def keys_before(self, device: SliceDevice) -> frozenset[str]:
        """Return the keys of the lines that were known of a SIM before its call."""
        return frozenset(self._known_of(device))

    def _judge(self, device: SliceDevice, lines: Iterable[Line]) -> Judgment:
        return judge(lines, device.sim, device.customers, self.context.clock())

    def _known_of(self, device: SliceDevice) -> dict[str, Known]:
        return self._known.get(device.intent_id, {})

    def _checked(self, device: SliceDevice) -> list[Line]:
        """Return the known lines of a SIM; those that were shown earlier are read again."""
        known = dict(self._known_of(device))
        stale = {key: kept for key, kept in known.items() if kept.needs_check}
        if stale:
            for key, kept in stale.items():
                del known[key]
                known |= {line.key: Known(line, needs_check=False) for line in self._check(device, kept.line)}
            self._keep(device, known.values(), looked=None)
        return [kept.line for kept in known.values()]

    def _look_alone(self, device: SliceDevice) -> None:
        """Look one SIM up; what the account has shown earlier, under whatever spelling, is known too."""
        looked, shown = self._look(device, was_called=False)
        self._keep(device, [Known(line, needs_check=False) for line in shown], looked=looked)

    def _look(self, device: SliceDevice, *, was_called: bool) -> tuple[datetime, list[Line]]:
        """Return since when a SIM's lines are known, and what was shown now: by its numbers, else by its customers' lists.

        The account is looked at first: a line that was created lately in another spelling is found by no number. One without
        an ICCID is among those that the account has shown; only after a call is it asked for once more.
        """
        account, sim = self._account(device), device.sim
        whole = account.refresh()
        looked, found = self.context.clock(), None
        if whole is not None and account.finds(sim):
            found = account.look_up(sim, by_msisdn=was_called)
        if found is None:
            lists = [self._list(device, number) for number in sorted(device.customers)]
            looked, found = min(read for read, _ in lists), [line for _, lines in lists for line in lines]
            found += self._hidden(device)
        shown = [line for line in found if sim.may_have(line)]
        keys = {line.key for line in shown}
        earlier = [line for line in account.known([sim]) if sim.may_have(line) and line.key not in keys]
        return min(looked, whole or looked), shown + [now for line in earlier for now in self._check(device, line)]

    def _hidden(self, device: SliceDevice) -> list[Line]:
        """Return what a look-up by the SIM's ICCID shows where the account's list may lack lines of other customers."""
        account, sim, connection_id = self._account(device), device.sim, device.connection_id
        with self._lock:
            if connection_id not in self._hiding:
                self._hiding[connection_id] = account.may_hide_lines()
        found = account.look_up(sim, by_msisdn=False) if self._hiding[connection_id] else None
        return [line for line in found or () if sim.may_have(line)]

    def _check(self, device: SliceDevice, line: Line) -> list[Line]:
        """Return a line as it is shown now; one without a customer is that of the customer whose own list shows it."""
        now_there = self._account(device).check(line)
        nobodys = {one.key for one in now_there if one.customer_id is None}
        if not nobodys:
            return now_there
        lists = [shown for number in sorted(device.customers) for shown in self._list(device, number)[1]]
        own = {one.key: one for one in lists if one.key in nobodys and one.customer_id is not None}
        return [own.get(one.key, one) for one in now_there]

    def _list(self, device: SliceDevice, number: int) -> tuple[datetime, list[Line]]:
        """Return a customer's list and when it was read; it serves all SIMs of the slice for a while."""
        with self._lock:
            key, now = (device.connection_id, number), self.context.clock()
            if key not in self._lists or self._lists[key][0] <= now - LOOK_AGAIN:
                self._lists[key] = (now, self._account(device).customer_lines(number))
            return self._lists[key]

    def _renew_account(self, devices: Sequence[SliceDevice]) -> None:
        account = self._account(devices[0])
        looked = account.refresh()
        if looked is None:
            return
        since = min(self._looked[one.intent_id] for one in devices)
        found = match(account.since(since), {one.intent_id: one.sim for one in devices})
        for intent_id, line in found:
            self._known.setdefault(intent_id, {})[line.key] = Known(line, needs_check=True)
            self._found.add(intent_id)
        intents = [one.intent_id for one in devices]
        aged = []  # what is new says nothing of lines that were moved, swapped or ended meanwhile
        for intent_id in intents:
            for kept in self._known.get(intent_id, {}).values():
                kept.needs_check = True
                aged.append((intent_id, kept.line))

        def keep(connection: Connection) -> None:
            keep_known(connection, aged, needs_check=True)
            self._record_looked(connection, intents, looked)

        self.context.transact(keep)
        self._looked |= dict.fromkeys(intents, looked)

    def _keep(self, device: SliceDevice, known: Iterable[Known], *, looked: datetime | None) -> None:
        """Replace what is known of one SIM; `looked` says from when, None where that stays as it is."""
        intent, kept = device.intent_id, {one.line.key: one for one in known}

        def keep(connection: Connection) -> None:
            run(connection, "service_lines/forget_known_lines", intent_id=intent)
            keep_known(connection, [(intent, one.line) for one in kept.values()], needs_check=False)
            if looked is not None:
                self._record_looked(connection, [intent], looked)

        self.context.transact(keep)
        with self._lock:
            self._known[intent] = kept
            if looked is not None:
                self._looked[intent] = looked

    def _add(self, device: SliceDevice, lines: Collection[Line]) -> None:
        """Add lines that are shown now to what is known of one SIM."""
        if not lines:
            return
        intent = device.intent_id
        found = [(intent, line) for line in lines]
        self.context.transact(lambda connection: keep_known(connection, found, needs_check=False))
        with self._lock:
            self._known.setdefault(intent, {}).update({line.key: Known(line, needs_check=False) for line in lines})

    def record_looked(self, device: SliceDevice, looked: datetime) -> None:
        """Record that a SIM whose call is to be made again was looked up."""
        self.context.transact(lambda connection: self._record_looked(connection, [device.intent_id], looked))
        with self._lock:
            self._looked[device.intent_id] = looked

    def _record_looked(self, connection: Connection, intents: Iterable[int], looked: datetime) -> None:
        named = as_json([{"intent_id": one} for one in intents])
        run(connection, "service_lines/record_looked", intents=named, looked=looked, now=self.context.clock())

    def _account(self, device: SliceDevice) -> AccountLooks:
        with self._lock:
            connection_id = device.connection_id
            if connection_id not in self._accounts:
                context = self.context
                account = RevAccount(device.account_id, connection_id, connection_id, device.tenant_id)
                self._accounts[connection_id] = looks_at(
                    context.engine, context.clients, account, context.settings, context.clock
                )
            return self._accounts[connection_id]
