"""Every message was acknowledged, is a dead letter, or is still there."""

from __future__ import annotations

from collections.abc import Iterator

from chaos.checks.view import ENDED, View
from chaos.checks.violations import Violation


def no_message_vanishes(view: View) -> Iterator[Violation]:
    """What nobody could work on is never deleted; what was deleted has done its work.

    A queue that forgets everything, which SQS does not, excuses what was in it.
    """
    forgot = [one["at"] for one in view.world.history if one["what"] == "queue forgot"]
    kept = {*view.world.queue, *view.world.dead_letters}
    kept |= {one["messageid"] for one in view.table("dead_letter")}
    for event in view.events("sent", "message"):
        excused = any(at >= event["at"] for at in forgot)
        if event["message"] in kept or excused:
            continue
        if not event["workable"]:
            said = f"message {event['message']} of step {event['n']} could not be worked on, and is gone"
            yield Violation("message vanished", said)
        elif not _is_done(view, event["change"], event["retry"]):
            said = f"message {event['message']} was deleted, and retry {event['retry']} of its change has not ended"
            yield Violation("message vanished", said, event["change"])


def _is_done(view: View, change: int, retry: int) -> bool:
    """Whether that retry of a change has ended, or its run is there."""
    row, state = view.changes.get(change), view.states.get(change, {})
    if change in view.deleted_changes:
        return True
    return row is not None and (row["status"] in ENDED or state.get("retrynumber", 0) > retry)


CHECKS = (no_message_vanishes,)
