"""What sweep and reconciliation found: repaired by them where that is safe, else told to a person with what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection

from device_association.database.execution import in_parts, run
from device_association.domain.encoding import as_json
from device_association.domain.storable_text import storable


class FindingKind(StrEnum):
    """What was found; `FINDING_ADVICE` says what a person does about it."""

    OUTCOME_SETTLED_ABSENT = "OUTCOME_SETTLED_ABSENT"
    OUTCOME_AMBIGUOUS = "OUTCOME_AMBIGUOUS"
    CHANGE_OF_ANOTHER_PROGRAM = "CHANGE_OF_ANOTHER_PROGRAM"
    LINE_OF_REVERTED_CHANGE = "LINE_OF_REVERTED_CHANGE"
    MIRROR_ROW_MISSING = "MIRROR_ROW_MISSING"
    INTENT_WITHOUT_MIRROR_ROW = "INTENT_WITHOUT_MIRROR_ROW"
    MIRROR_LINE_DISCONNECTED = "MIRROR_LINE_DISCONNECTED"
    MIRROR_LINE_ACTIVE = "MIRROR_LINE_ACTIVE"
    MIRROR_END_DATE_DIFFERS = "MIRROR_END_DATE_DIFFERS"
    MIRROR_OF_WRONG_CUSTOMER = "MIRROR_OF_WRONG_CUSTOMER"
    MIRROR_OF_WRONG_SIM = "MIRROR_OF_WRONG_SIM"
    PRODUCT_ROW_MISSING = "PRODUCT_ROW_MISSING"
    LINK_MISSING = "LINK_MISSING"
    LINK_TO_DISCONNECTED_LINE = "LINK_TO_DISCONNECTED_LINE"
    LINK_TO_OTHER_CUSTOMER = "LINK_TO_OTHER_CUSTOMER"
    LINK_TO_OLDER_LINE = "LINK_TO_OLDER_LINE"
    ROWS_LEFT_OPEN = "ROWS_LEFT_OPEN"
    CHANGE_STATUS_WRONG = "CHANGE_STATUS_WRONG"
    CHANGE_COUNTS_WRONG = "CHANGE_COUNTS_WRONG"
    TWO_ACTIVE_LINES = "TWO_ACTIVE_LINES"
    LINE_WITHOUT_DEVICE = "LINE_WITHOUT_DEVICE"
    LINE_OF_WRONG_CUSTOMER = "LINE_OF_WRONG_CUSTOMER"
    LINE_OF_ARCHIVED_DEVICE = "LINE_OF_ARCHIVED_DEVICE"
    LINE_OF_UNASSIGNED_DEVICE = "LINE_OF_UNASSIGNED_DEVICE"
    LINE_OF_UNKNOWN_CUSTOMER = "LINE_OF_UNKNOWN_CUSTOMER"
    LINE_NOT_LISTED = "LINE_NOT_LISTED"
    LINE_NOT_READABLE = "LINE_NOT_READABLE"
    DEVICE_WITHOUT_LINE = "DEVICE_WITHOUT_LINE"
    PRODUCT_MISSING = "PRODUCT_MISSING"
    LOOK_UP_FAILED = "LOOK_UP_FAILED"
    WORK_FAILED = "WORK_FAILED"
    LINE_OF_DELETED_CHANGE = "LINE_OF_DELETED_CHANGE"
    LINE_NOT_ASSOCIATED = "LINE_NOT_ASSOCIATED"


FINDING_ADVICE: dict[str, str] = {
    FindingKind.LINE_NOT_ASSOCIATED: "The line is billed and its device has no customer: retry the device, or have the line "
    "disconnected in Rev.io.",
    FindingKind.OUTCOME_SETTLED_ABSENT: "Rev.io has no line for this SIM: it is safe to retry the device.",
    FindingKind.OUTCOME_AMBIGUOUS: "Several active lines are this SIM's: have all but one disconnected, then retry.",
    FindingKind.CHANGE_OF_ANOTHER_PROGRAM: "Another program began this change and has not ended it: have it looked at there.",
    FindingKind.LINE_OF_REVERTED_CHANGE: "A change was taken back and this line is left: "
    "look at it in Rev.io, and have it disconnected there unless somebody else needs it.",
    FindingKind.MIRROR_ROW_MISSING: "Nothing to do: the line is in the billing mirror now.",
    FindingKind.INTENT_WITHOUT_MIRROR_ROW: "Nothing to do: the line is in the mirror again. Find out what deleted it.",
    FindingKind.MIRROR_LINE_DISCONNECTED: "Nothing to do: the mirror knows now that Rev.io disconnected the line.",
    FindingKind.MIRROR_LINE_ACTIVE: "Nothing to do: the mirror knows now that Rev.io bills the line.",
    FindingKind.MIRROR_END_DATE_DIFFERS: "Nothing to do: the mirror has Rev.io's end date now.",
    FindingKind.MIRROR_OF_WRONG_CUSTOMER: "Nothing to do: the mirror names the customer whom Rev.io bills now.",
    FindingKind.MIRROR_OF_WRONG_SIM: "Nothing to do: the mirror names the SIM that Rev.io has on the line now.",
    FindingKind.PRODUCT_ROW_MISSING: "Nothing to do: the line's products are in the mirror now.",
    FindingKind.LINK_MISSING: "Nothing to do: the device is linked to its line now.",
    FindingKind.LINK_TO_DISCONNECTED_LINE: "Nothing to do: the device is not linked to the disconnected line any more.",
    FindingKind.LINK_TO_OTHER_CUSTOMER: "Nothing to do: the device is linked to its own customer's line now.",
    FindingKind.LINK_TO_OLDER_LINE: "Nothing to do: the device is linked to its newest line now.",
    FindingKind.ROWS_LEFT_OPEN: "The change had ended without these devices: they are failed now, retry the change.",
    FindingKind.CHANGE_STATUS_WRONG: "Nothing to do: the change's final state is what its devices say now.",
    FindingKind.CHANGE_COUNTS_WRONG: "Nothing to do: the change's counts are those of its devices now.",
    FindingKind.TWO_ACTIVE_LINES: "The SIM is billed twice: have all lines but the right one disconnected in Rev.io.",
    FindingKind.LINE_WITHOUT_DEVICE: "No device has this SIM: add the device to the portal, or have the line disconnected.",
    FindingKind.LINE_OF_WRONG_CUSTOMER: "Another customer pays for this device: "
    "have the line disconnected, then associate the device anew with a line.",
    FindingKind.LINE_OF_ARCHIVED_DEVICE: "An archived device is billed: restore it, or have the line disconnected.",
    FindingKind.LINE_OF_UNASSIGNED_DEVICE: "A device without a customer is billed: "
    "associate it with the line's customer, or have the line disconnected.",
    FindingKind.LINE_OF_UNKNOWN_CUSTOMER: "Rev.io bills one of our SIMs to a customer whom the portal lacks: "
    "have the customer synchronised, or the line disconnected.",
    FindingKind.LINE_NOT_LISTED: "Look the line up in Rev.io: if it is not there, have it taken out of the mirror; "
    "if it is, let the connection's user see its customer.",
    FindingKind.LINE_NOT_READABLE: "Nobody can say whose line this is, and no line is created for the SIM meanwhile: "
    "have the record corrected in Rev.io.",
    FindingKind.DEVICE_WITHOUT_LINE: "Nobody is billed for the device: "
    "associate it again with a line, or take it from the customer.",
    FindingKind.PRODUCT_MISSING: "The line is billed without all its products: "
    "retry the device, which makes the missing ones.",
    FindingKind.LOOK_UP_FAILED: "A call for this SIM was made and cannot be looked up: correct what the finding names. "
    "It is looked up again every two minutes; nobody asks for the SIM before.",
    FindingKind.WORK_FAILED: "A job could not do this one and went on with the others: correct what the finding names; "
    "the job's next run tries it again.",
    FindingKind.LINE_OF_DELETED_CHANGE: "A change was deleted and its line is billed: "
    "associate the device with the line's customer, or have the line disconnected in Rev.io.",
}
REPORTED = frozenset(
    {
        FindingKind.TWO_ACTIVE_LINES,
        FindingKind.LINE_WITHOUT_DEVICE,
        FindingKind.LINE_OF_WRONG_CUSTOMER,
        FindingKind.LINE_OF_ARCHIVED_DEVICE,
        FindingKind.LINE_OF_UNASSIGNED_DEVICE,
        FindingKind.LINE_OF_UNKNOWN_CUSTOMER,
        FindingKind.LINE_NOT_LISTED,
        FindingKind.LINE_NOT_READABLE,
        FindingKind.DEVICE_WITHOUT_LINE,
        FindingKind.PRODUCT_MISSING,
    }
)
"""What reconciliation only tells: what a person does about it costs or frees money."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found; `subject` names it within its kind, so that it is kept once."""

    kind: FindingKind
    subject: str
    detail: str
    is_repaired: bool = False
    account_id: int | None = None
    tenant_id: int | None = None
    bulk_change_id: int | None = None
    iccid: str | None = None
    service_id: int | None = None

    @property
    def row(self) -> dict[str, object]:
        """The finding as the statement reads it."""
        return {
            "kind": self.kind,
            "subject": self.subject,
            "detail": storable(self.detail, 1000),
            "is_repaired": int(self.is_repaired),
            "account_id": self.account_id,
            "tenant_id": self.tenant_id,
            "bulk_change_id": self.bulk_change_id,
            "iccid": self.iccid,
            "service_id": self.service_id,
        }


def report(connection: Connection, findings: Sequence[Finding], *, now: datetime) -> None:
    """Keep what was found, in the caller's transaction; what is known already is only seen again."""
    for part in in_parts(connection, findings):
        run(connection, "findings/report_findings", findings=as_json([one.row for one in part]), now=now)
