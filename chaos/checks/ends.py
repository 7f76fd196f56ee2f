"""Every acknowledged change is there, once, and has ended; nothing of it is left open."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from chaos.checks.view import ENDED, FINAL, View
from chaos.checks.violations import Violation
from chaos.records.world import Row

RUN_ENDED = frozenset({"success", "failed"})
OPEN_CALLS = frozenset({"PLANNED", "CALLING", "UNKNOWN"})


def acknowledged_changes_are_there(view: View) -> Iterator[Violation]:
    """Each change whose id was answered exists, and each accepted form is a run that has ended."""
    made = {one["runkey"] for one in view.states.values() if one["runkey"]}
    for event in view.events("answered", "ask"):
        if event["status"] != 200:
            continue
        change, run = event.get("change"), event.get("run")
        if run is None and change not in view.changes:
            yield Violation(
                "change lost", f"step {event['n']} was answered with change {change}, which is not there", change
            )
        if run is None:
            continue
        state = view.world.runs.get(run)
        if state not in RUN_ENDED:
            yield Violation("change does not end", f"run {run} of step {event['n']} is {state or 'not there'}")
        elif state == "success" and run not in made:
            yield Violation("change lost", f"run {run} of step {event['n']} is green and made no change")


def changes_end(view: View) -> Iterator[Violation]:
    """Each change, acknowledged or not, reads a final status, and so do its devices."""
    for change, row in view.changes.items():
        if change in view.deleted_changes:
            continue
        if row["status"] not in ENDED:
            yield Violation("change does not end", f"change {change} still reads {row['status']}", change)
            continue
        for device in view.rows.get(change, []):
            if device["status"] not in FINAL or not device["isprocessed"]:
                said = f"change {change} reads {row['status']}, its device {device['iccid']} {device['status']}"
                yield Violation("device does not end", said, change, device["iccid"])


def nothing_is_stored_twice(view: View) -> Iterator[Violation]:
    """No question became two changes, however often it was sent."""
    made: defaultdict[int, list[int]] = defaultdict(list)
    for change, step in view.steps.items():
        made[step].append(change)
    for step, changes in made.items():
        if len(changes) > 1:
            yield Violation("change stored twice", f"step {step} became the changes {sorted(changes)}", changes[0])


def retries_are_kept(view: View) -> Iterator[Violation]:
    """Each acknowledged retry was begun."""
    for event in view.events("answered", "retry"):
        promised = event["answer"].get("RetryNumber", 0) if event["status"] == 200 else 0
        reached = view.states.get(event["change"], {}).get("retrynumber", 0)
        if promised > reached and event["change"] not in view.deleted_changes:
            said = f"retry {promised} of change {event['change']} was acknowledged; the change is at {reached}"
            yield Violation("retry lost", said, event["change"])


def nothing_is_left(view: View) -> Iterator[Violation]:
    """No device is held, no call open, no claim kept, nothing owed; nothing either of a change that was deleted."""
    foreign = {one["id"] for one in view.table("devicebulkchange")} - set(view.changes)
    for hold in view.table("device_lock"):
        if hold["bulkchangeid"] not in foreign:
            deleted = " (deleted)" if hold["bulkchangeid"] in view.deleted_changes else ""
            said = f"change {hold['bulkchangeid']}{deleted} still holds device {hold['deviceid']}"
            yield Violation("device still held", said, hold["bulkchangeid"])
    for intent in view.table("line_intent"):
        if intent["state"] in OPEN_CALLS:
            said = f"the call for {intent['iccid']} of change {intent['bulkchangeid']} is still {intent['state']}"
            yield Violation("call does not end", said, intent["bulkchangeid"], intent["iccid"])
    for change, state in view.states.items():
        if state["claimrunid"] and view.changes[change]["status"] in ENDED:
            yield Violation("claim kept", f"change {change} has ended and is claimed by {state['claimrunid']}", change)
    for owed in view.table("outbox"):
        if owed["sentdate"] is None:
            said = f"the {owed['kind']} of change {owed['bulkchangeid']} was not sent"
            yield Violation("still owed", said, owed["bulkchangeid"])


def ends_are_told(view: View) -> Iterator[Violation]:
    """For each ended change and retry exactly one notification was owed."""
    owed = {(one["bulkchangeid"], one["retrynumber"]) for one in view.table("outbox") if one["kind"] == "NOTIFICATION"}
    others = view.deleted_changes | view.taken_changes
    for change, row in view.changes.items():
        state: Row = view.states.get(change, {})
        if change in others:
            continue
        if row["status"] in ENDED and (change, state.get("retrynumber", 0)) not in owed:
            yield Violation("end not told", f"change {change} ended as {row['status']}, and nobody is told", change)


CHECKS = (
    acknowledged_changes_are_there,
    changes_end,
    nothing_is_stored_twice,
    retries_are_kept,
    nothing_is_left,
    ends_are_told,
)
