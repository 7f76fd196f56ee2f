"""The lines that are known already and may be a SIM's: those that an account has shown, and those kept for intents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from device_association.database.execution import rows, run
from device_association.domain.encoding import as_json
from device_association.revio.lines import Line
from device_association.revio.responses import whole
from device_association.revio.sims import Sim


@dataclass(frozen=True, slots=True)
class ShownLine:
    """A line as an account has shown it, as `service_lines/list_matching` and `service_lines/list_since` return it."""

    service_id: int
    customer_number: str | None
    number: str | None
    number2: str | None
    created: datetime | None
    disconnected: datetime | None

    def as_line(self) -> Line:
        """Return the line; one whose customer number cannot be read has none."""
        customer_id = whole(self.customer_number)
        return Line(self.service_id, customer_id, self.number, self.number2, self.created, self.disconnected)


@dataclass(frozen=True, slots=True)
class UnjudgedLine:
    """A record of an account that cannot be judged, as `service_lines/list_unjudged` returns it."""

    line_key: str
    record: str
    """The line as JSON, see `Line.from_record`."""


@dataclass(frozen=True, slots=True)
class KnownLine:
    """A line that may be the SIM's of an intent.

    A row of `service_lines/list_known` and of `service_lines/list_known_of`.
    """

    intent_id: int
    line_key: str
    needs_check: bool
    """Whether it was shown earlier, and is read again before it decides anything."""
    record: str
    """The line as JSON, see `Line.from_record`."""


def shown_since(connection: Connection, account_id: int, moment: datetime) -> list[Line]:
    """Return the lines that an account has shown first, or otherwise than before, after a moment; and the unjudged ones."""
    found = rows(connection, ShownLine, "service_lines/list_since", since=moment, account_id=account_id)
    return [line.as_line() for line in found] + unjudged(connection, account_id)


def shown_before(connection: Connection, account_id: int, sims: Iterable[Sim]) -> list[Line]:
    """Return the lines that an account has shown earlier and that may be one of these SIMs'; and all that can't be judged."""
    keys = [{"match_key": key} for sim in sims for key in sim.match_keys]
    found = rows(connection, ShownLine, "service_lines/list_matching", keys=as_json(keys), account_id=account_id)
    return [line.as_line() for line in found] + unjudged(connection, account_id)


def unjudged(connection: Connection, account_id: int) -> list[Line]:
    """Return the records of an account that cannot be judged."""
    found = rows(connection, UnjudgedLine, "service_lines/list_unjudged", account_id=account_id)
    return [Line.from_record(one.record) for one in found]


def match(lines: Iterable[Line], sims: Mapping[int, Sim]) -> list[tuple[int, Line]]:
    """Return the pairs of an intent, the key of `sims`, and a line that may be its SIM's."""
    wanted: dict[str, list[int]] = {}
    for intent_id, sim in sims.items():
        for key in sim.match_keys:
            wanted.setdefault(key, []).append(intent_id)
    found = {
        (intent_id, line.key): line for line in lines for key in line.match_keys for intent_id in wanted.get(key, ())
    }
    return [(intent_id, line) for (intent_id, _), line in found.items()]


def keep_known(connection: Connection, found: Iterable[tuple[int, Line]], *, needs_check: bool) -> None:
    """Keep lines that may be the SIMs' of intents, in the caller's transaction."""
    known = [
        {
            "intent_id": intent_id,
            "line_key": line.key,
            "needs_check": int(needs_check),
            "record": line.as_record(),
        }
        for intent_id, line in found
    ]
    if known:
        run(connection, "service_lines/insert_known", lines=as_json(known))
