"""What a person does about a device whose lines cannot be told apart: name the line that is the SIM's, with a reason.

Source: the domain contract, section 4, REV_LINE_AMBIGUOUS. The next retry adopts the line, see `adoption`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import Field
from sqlalchemy import Connection, Engine

from device_association.bulk_changes.access import PortalUser, lock_visible, refused
from device_association.bulk_changes.reverts import reverted_text
from device_association.database.execution import in_transaction, row, rows, run
from device_association.domain.association_request import STORABLE, Iccid, Int
from device_association.domain.codes import NOT_ENDED, DeviceChangeStatus, DeviceCode, RequestCode
from device_association.domain.encoding import as_json
from device_association.domain.errors import Refusal, RequestRefused
from device_association.requests.actions import Cancel
from device_association.service_lines.named_lines.adoption import STEP


class NameLine(Cancel):
    """The body that names the line of a device: its ICCID, Rev.io's id of the line, and why."""

    iccid: Annotated[Iccid, STORABLE, Field(alias="ICCID", pattern=r"\S")]
    rev_service_id: Int


@dataclass(frozen=True, slots=True)
class NamedLine:
    """The line that was named for a row, by whom and why, as `service_lines/list_named` returns it."""

    row_id: int
    service_id: int
    named_by: str
    reason: str
    has_line: bool
    """Whether the row has a line now."""


@dataclass(frozen=True, slots=True)
class EndedDevice:
    """A device of a change for which a line is named: how its row ended, as `service_lines/find_row` returns it."""

    row_id: int
    iccid: str
    status: str
    code: str | None
    account_id: int
    named_service_id: int | None
    named_by: str | None
    """The line that was named before, and by whom."""
    has_line: bool


def name_line(engine: Engine, caller: PortalUser, bulk_change_id: int, named: NameLine, *, now: datetime) -> None:
    """Keep the line that the caller names as the SIM's of a device of an ended change, with its log row.

    The last naming counts. Raises RequestRefused for a change that the caller may not see, that has not ended or was taken
    back, for a device that is not of the change, and for one whose line is not in question.
    """

    def name(connection: Connection) -> None:
        change = lock_visible(connection, caller, bulk_change_id, now)
        _check_change(change.status, change.reverted_by)
        device = _find_device(connection, bulk_change_id, named.iccid.strip())
        run(connection, "service_lines/delete_named", row_id=device.row_id)
        run(
            connection,
            "service_lines/insert_named",
            bulk_change_id=bulk_change_id,
            row_id=device.row_id,
            account_id=device.account_id,
            service_id=named.rev_service_id,
            iccid=device.iccid,
            actor=caller.user_name,
            reason=named.reason,
            now=now,
        )
        _log(connection, caller, bulk_change_id, device, named, now)

    in_transaction(engine, name)


def list_named_lines(engine: Engine, bulk_change_id: int, row_ids: Collection[int]) -> dict[int, NamedLine]:
    """Return the lines that were named for rows of a page of a change, by row."""
    if not row_ids:
        return {}
    span = {"first_row_id": min(row_ids), "last_row_id": max(row_ids)}
    with engine.connect() as connection:
        found = rows(connection, NamedLine, "service_lines/list_named", bulk_change_id=bulk_change_id, **span)
    return {one.row_id: one for one in found}


def may_be_named(code: str | None, status: str, *, was_named: bool, has_line: bool) -> bool:
    """Whether a line may be named for an ended row: its lines could not be told apart, or a naming is to be corrected."""
    if has_line or status == DeviceChangeStatus.PROCESSED:
        return False
    return was_named or code == DeviceCode.REV_LINE_AMBIGUOUS


def _check_change(status: str, reverted_by: int | None) -> None:
    if reverted_by is not None:
        raise refused(RequestCode.CHANGE_REVERTED, reverted_text(reverted_by))
    if status in NOT_ENDED:
        said = f"this change reads {status}; name the line once it has ended"
        raise refused(RequestCode.CHANGE_NOT_ENDED, said)


def _find_device(connection: Connection, bulk_change_id: int, iccid: str) -> EndedDevice:
    found = row(connection, EndedDevice, "service_lines/find_row", bulk_change_id=bulk_change_id, iccid=iccid)
    if found is None or found.iccid != iccid:
        said = f"no device of bulk change {bulk_change_id} has ICCID {iccid!r}; check it"
        raise RequestRefused([Refusal(DeviceCode.DEVICE_NOT_FOUND, "ICCID", said)])
    was_named = found.named_service_id is not None
    if not may_be_named(found.code, found.status, was_named=was_named, has_line=found.has_line):
        said = (
            f"device {iccid} ended as {found.code or found.status}; "
            f"a line is named only for a device that ended as {DeviceCode.REV_LINE_AMBIGUOUS}"
        )
        raise RequestRefused([Refusal(RequestCode.LINE_NOT_IN_QUESTION, "ICCID", said)])
    return found


def _log(
    connection: Connection, caller: PortalUser, bulk_change_id: int, device: EndedDevice, named: NameLine, now: datetime
) -> None:
    before = device.named_service_id
    said = f"{caller.user_name} named line {named.rev_service_id} as this SIM's: {named.reason}"
    said += f"; line {before}, which {device.named_by} had named, does not count any more" if before else ""
    request = {"ICCID": device.iccid, "RevServiceId": named.rev_service_id}
    run(
        connection,
        "service_lines/log_device_steps",
        bulk_change_id=bulk_change_id,
        devices=as_json([{"row_id": device.row_id, "request": request, "response": said, "error": None}]),
        step=STEP,
        actor=caller.user_name,
        now=now,
    )
