"""Every device of a request has exactly one final state, with a code and a reason; a change's status follows from them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from chaos.checks.view import ENDED, FINAL, View
from chaos.checks.violations import Violation
from chaos.records.world import Row

CODES = {
    "ERROR": {
        "INVALID_ICCID", "DEVICE_NOT_FOUND", "DEVICE_NOT_IN_TENANT", "DEVICE_ARCHIVED", "DEVICE_STATUS_NOT_ALLOWED",
        "DEVICE_IN_OTHER_CHANGE", "DEVICE_ASSIGNED_TO_OTHER_CUSTOMER", "DEVICE_HAS_ACTIVE_SERVICE", "DATA_CHECK_FAILED",
        "STEP_FAILED", "DEADLINE_EXCEEDED", "CHANGED_SINCE",
    },
    "API_FAILED": {
        "REV_REJECTED", "REV_LINE_AMBIGUOUS", "REV_LINE_OF_OTHER_CUSTOMER", "REV_PRODUCT_FAILED", "REV_OUTCOME_UNKNOWN",
    },
    "CANCELED": {"CANCELED_BY_USER", "STOPPED", "REV_UNAUTHORIZED", "APPROVAL_REFUSED", "APPROVAL_EXPIRED"},
}  # fmt: skip
"""The codes of the contract, by state."""
OTHER_STOPS = frozenset({"STOPPED", "REV_UNAUTHORIZED"})
"""What stops a change too; of several stops the first counts."""


def each_device_has_its_row(view: View) -> Iterator[Violation]:
    """The devices of a change are those that were asked for, each once."""
    for change, asked in view.asked_for.items():
        if change not in view.changes or change in view.taken_changes:
            continue
        wanted, there = set(asked["iccids"]), [one["iccid"] for one in view.rows.get(change, [])]
        for iccid in wanted - set(there):
            yield Violation(
                "device lost", f"change {change} was asked for {iccid} and has no row for it", change, iccid
            )
        for iccid in sorted({one for one in there if one not in wanted or there.count(one) > 1}):
            said = f"change {change} has {there.count(iccid)} rows for {iccid}, asked for {int(iccid in wanted)} times"
            yield Violation("device invented", said, change, iccid)


def each_end_has_a_code_and_a_reason(view: View) -> Iterator[Violation]:
    """A device that failed says why, in a code of its state and in words; one that succeeded has no code."""
    for change, rows in view.rows.items():
        for row in rows:
            status, code, why = row["status"], row["errorcode"], (row["statusdetails"] or "").strip()
            if status not in FINAL:
                continue
            known = code is None if status == "PROCESSED" else code in CODES[status]
            if not known or not why or row["haserrors"] != int(status in {"ERROR", "API_FAILED"}):
                said = f"{row['iccid']} of change {change} ended as {status} with code {code} and reason {why!r}"
                yield Violation("no code or reason", said, change, row["iccid"])


def each_device_ends_once(view: View) -> Iterator[Violation]:
    """A final state is never overwritten by another one; only a retry opens it again, and never a success."""
    where = {row["id"]: row for rows in view.rows.values() for row in rows}
    for noted in view.table("noted"):
        if noted["tablename"] != "m2m_devicechange" or noted["field"] != "status" or noted["rowid"] not in where:
            continue
        row = where[noted["rowid"]]
        change, (before, after) = row["bulkchangeid"], (noted["old"], noted["new"])
        again = (after == "NEW" and before != "PROCESSED") or change in view.reverted
        if before in FINAL and not again:
            said = f"{row['iccid']} of change {change} had ended as {before}, then as {after} ({noted['at']})"
            yield Violation("two final states", said, change, row["iccid"])


def changes_end_once(view: View) -> Iterator[Violation]:
    """A change that has ended is opened again by a retry only: it ends once for each."""
    ends: defaultdict[int, int] = defaultdict(int)
    for noted in view.table("noted"):
        if noted["tablename"] == "devicebulkchange" and noted["field"] == "status" and noted["new"] in ENDED:
            ends[noted["rowid"]] += 1
    for change, count in ends.items():
        allowed = 1 + view.states.get(change, {}).get("retrynumber", 0)
        if count > allowed and change in view.changes:
            said = f"change {change} ended {count} times, with {allowed - 1} retries"
            yield Violation("two final states", said, change)


def the_status_follows(view: View) -> Iterator[Violation]:
    """All succeeded, a person stopped it or deleted it, some succeeded, or none."""
    canceled, retried = view.acted("cancel"), view.acted("retry")
    for change, row in view.changes.items():
        rows = view.rows.get(change, [])
        if row["status"] not in ENDED or any(one["status"] not in FINAL for one in rows):
            continue
        right = _right(rows)
        if change in canceled and right != "PROCESSED":
            first_stop = _was_canceled(view, change) and not any(one["errorcode"] in OTHER_STOPS for one in rows)
            may = {"CANCELED"} if first_stop and change not in retried else {"CANCELED", right}
        else:
            may = {right} | ({"CANCELED"} if change in view.deleted_changes else set())
        if row["status"] not in may:
            states = sorted({one["status"] for one in rows})
            said = f"change {change} reads {row['status']} over devices that read {', '.join(states)}"
            yield Violation("wrong status", said, change)


def _was_canceled(view: View, change: int) -> bool:
    return any(one["change"] == change and one["status"] == 200 for one in view.events("answered", "cancel"))


def _right(rows: list[Row]) -> str:
    succeeded = [one["status"] == "PROCESSED" for one in rows]
    if rows and all(succeeded):
        return "PROCESSED"
    return "PARTIALLY_PROCESSED" if any(succeeded) else "ERROR"


CHECKS = (
    each_device_has_its_row,
    each_end_has_a_code_and_a_reason,
    each_device_ends_once,
    changes_end_once,
    the_status_follows,
)
