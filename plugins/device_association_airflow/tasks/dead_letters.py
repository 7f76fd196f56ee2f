"""The tasks about dead letters: the look of `sweep_associations`, and the one task of `redrive_dead_letters`."""

from __future__ import annotations

import logging
from typing import Any

from airflow.sdk import Param, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from device_association.maintenance import dead_letters as letters
from device_association_airflow import connections
from device_association_airflow.dag_defaults import POLICY
from device_association_airflow.task_context import log_domain_errors
from device_association_airflow.tasks.dead_letter_queue import dead_letters

ONLY_LOOK, DECIDE = "only look", "put back the good ones, set aside the rest"
REDRIVE_FORM: dict[str, Param] = {
    "what": Param(
        ONLY_LOOK,
        type="string",
        enum=[ONLY_LOOK, DECIDE],
        title="What to do",
        description="Looking changes nothing; the list is on the portal's screen *Dead letters*.",
    ),
    "message_ids": Param(
        [],
        type="array",
        items={"type": "string", "pattern": "^[A-Za-z0-9-]{1,100}$"},
        title="Only these messages",
        description="Ids, one a line, as the screen shows them. Empty: all.",
    ),
}
log = logging.getLogger(__name__)


@task(**POLICY)
@log_domain_errors
def look_at_dead_letters() -> None:
    """Record what is in the dead-letter queue, and why."""
    if not connections.settings().dead_letter_queue_url:
        raise AirflowSkipException("DEVICE_ASSOCIATION_DEAD_LETTER_QUEUE_URL names no dead-letter queue")
    log.info("%s", letters.look(connections.portal(), dead_letters(), now=connections.clock()))


@task(**POLICY)
@log_domain_errors
def redrive() -> dict[str, int]:
    """Put back the good messages and set aside the rest, or only look; the result counts them."""
    context = get_current_context()
    params: Any = context["params"]
    portal, queue, now = connections.portal(), dead_letters(), connections.clock()
    if params["what"] == ONLY_LOOK:
        return letters.look(portal, queue, now=now)
    actor = context["dag_run"].triggering_user_name or context["dag_run"].run_id
    counts = letters.redrive(portal, queue, actor=actor, only=params["message_ids"] or (), now=now)
    if letters.FAILED in counts:
        raise AirflowFailException(f"{counts[letters.FAILED]} messages are still in the queue, see the log: {counts}")
    return counts
