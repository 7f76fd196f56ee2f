"""Lines that an earlier try settled and that are not the SIMs' any more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from device_association.bulk_changes.claims import Claim
from device_association.database.execution import rows, run
from device_association.domain.codes import DeviceCode
from device_association.domain.encoding import as_json
from device_association.domain.errors import RevioRejected
from device_association.domain.storable_text import storable
from device_association.requests.device_rules import RefusedRow, reject_rows
from device_association.revio.lines import Line
from device_association.revio.sims import Sim, ending_text
from device_association.service_lines.context import Clients
from device_association.service_lines.devices import customers_of, mismatch_reason


@dataclass(frozen=True, slots=True)
class SettledLine:
    """An open row whose line an earlier try has created or adopted, as `service_lines/list_settled` returns it."""

    row_id: int
    intent_id: int
    called_body: str | None
    customer_number: str
    is_named: bool
    """Whether a person named the line: it may carry any number."""
    service_id: int
    iccid: str
    msisdn: str | None
    account_id: int
    connection_id: str

    @property
    def sim(self) -> Sim | None:
        """The SIM that the line has to be of; None: any."""
        return None if self.is_named else Sim(self.iccid, self.msisdn)

    @property
    def customers(self) -> frozenset[int]:
        """The customer's number at Rev.io, and the one when the SIM was called for."""
        return customers_of(self.customer_number, self.called_body)


@dataclass(frozen=True, slots=True)
class DisconnectedLine:
    """An intent whose line Rev.io has disconnected, and since when."""

    intent_id: int
    disconnected: datetime | None


@dataclass(frozen=True, slots=True)
class LostLines:
    """What became of lines that an earlier try settled: SIMs of the first get another line, the rows are refused."""

    disconnected: list[DisconnectedLine] = field(default_factory=list)
    refused: list[RefusedRow] = field(default_factory=list)

    def write(self, connection: Connection, claim: Claim, now: datetime) -> None:
        """Record in the caller's transaction what became of the lines."""
        if self.disconnected:
            lines = as_json([asdict(line) for line in self.disconnected])
            run(connection, "service_lines/end_mirror_lines", lines=lines, actor=claim.actor, now=now)
            run(connection, "service_lines/forget_disconnected_lines", lines=lines, now=now)
        reject_rows(connection, claim.bulk_change_id, self.refused, actor=claim.actor, now=now)


def list_settled(connection: Connection, bulk_change_id: int, before: datetime) -> Sequence[SettledLine]:
    """Return the open rows of a change whose line an earlier try has settled before a moment."""
    return rows(connection, SettledLine, "service_lines/list_settled", bulk_change_id=bulk_change_id, before=before)


def find_lost_lines(
    settled: Sequence[SettledLine],
    shown_line: Callable[[int, int], Line | None],
    clients: Clients,
    now: datetime,
) -> LostLines:
    """Return which settled lines Rev.io has disconnected, and which are not the SIMs' any more.

    The latter are another customer's now, have another SIM, are to be disconnected, or are not shown. `shown_line` returns
    the line that was just listed of an account id and a line's id.
    """
    lost = LostLines()
    for one in settled:
        line = shown_line(one.account_id, one.service_id)
        if mismatch_reason(line, one.sim, one.customers) or (line and line.disconnected):
            try:
                line = clients(one.connection_id).line(one.service_id)
            except RevioRejected as refused:
                said = f"line {one.service_id} was this SIM's in an earlier try, and Rev.io does not show it: {refused}"
                lost.refused.append(_refused(one, DeviceCode.REV_LINE_AMBIGUOUS, said))
                continue
        if line is None or not line.is_active(now):
            lost.disconnected.append(DisconnectedLine(one.intent_id, line.disconnected if line else now))
        elif refusal := _refusal(one, line):
            lost.refused.append(refusal)
    return lost


def _refusal(one: SettledLine, line: Line) -> RefusedRow | None:
    """Return the refusal of a row whose active line is not the SIM's any more, or is to be disconnected."""
    if why := mismatch_reason(line, one.sim, one.customers):
        is_moved = line.customer_id is not None and line.customer_id not in one.customers
        code = DeviceCode.REV_LINE_OF_OTHER_CUSTOMER if is_moved else DeviceCode.REV_LINE_AMBIGUOUS
        said = f"line {line} was this SIM's in an earlier try, and {why}; correct it in Rev.io, then retry"
        return _refused(one, code, said)
    return _refused(one, DeviceCode.REV_LINE_AMBIGUOUS, ending_text(line)) if line.disconnected else None


def _refused(one: SettledLine, code: DeviceCode, said: str) -> RefusedRow:
    return RefusedRow(one.row_id, code, storable(f"{code}: {said}", 1000))
