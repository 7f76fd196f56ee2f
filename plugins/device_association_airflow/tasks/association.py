"""The tasks of `associate_customer`, and the one of `refresh_association_form`.

Between tasks travel ids only: the bulk change with its retry, and the numbers of slices.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from airflow.sdk import Asset, TriggerRule, get_current_context, task, teardown
from airflow.sdk.exceptions import AirflowFailException

from device_association.associations import associate
from device_association.bulk_changes import claims, close, deadlines, stops
from device_association.domain.errors import AssociationError, ClaimLost, DatabaseUnavailable, StepUnfinished
from device_association.messaging import outbox
from device_association.requests import create, validate
from device_association.service_lines import create as line_creation
from device_association.service_lines import plan
from device_association.service_lines.context import open_context
from device_association.service_lines.slices import SLICES_AT_ONCE
from device_association_airflow import airflow_runs, connections
from device_association_airflow.dag_defaults import MAX_FAILURES, MAX_TRIES, POLICY, POOL
from device_association_airflow.operators.check_data import CheckDataOperator
from device_association_airflow.retry_policy import WAITS, AssociationRetryPolicy
from device_association_airflow.task_context import Work, current_claim, log_domain_errors, opened
from device_association_airflow.trigger_form import check_choice, refresh_choices, request_of

CLOSED = Asset(name="bulk_change_closed", uri="device-association://bulk-changes/closed")
log = logging.getLogger(__name__)


@task.short_circuit(**POLICY)
def open_bulk_change() -> Work | None:
    """Claim the change of the message or the form; another's change ends the run with every later task skipped."""
    context = get_current_context()
    try:
        return _open(context["params"], context["dag_run"])
    except ClaimLost as lost:
        log.warning("%s", lost)
        return None
    except AssociationError as problem:
        log.error("%s", problem)
        raise


def _open(params: Any, dag_run: Any) -> Work:
    engine, now, person = connections.portal(), connections.clock(), dag_run.triggering_user_name
    change_id, retry = params.get("bulk_change_id"), params.get("retry_number")
    check_choice(params)
    if change_id is None:
        created = create.create_bulk_change(
            engine,
            request_of(params),
            user_name=person or "",
            now=now,
            max_devices=connections.settings().max_devices,
            run_id=dag_run.run_id,
        )
        change_id = created.change_id
    elif person is not None:
        create.check_may_run(engine, change_id, person)
    claim = claims.take_claim(
        engine, change_id, retry_number=retry, run_id=dag_run.run_id, is_run_active=airflow_runs.is_run_active, now=now
    )
    log.info("bulk change %s, retry %s, asked by %s", claim.bulk_change_id, claim.retry_number, claim.actor)
    return {"bulk_change_id": claim.bulk_change_id, "retry_number": claim.retry_number}


@task(**POLICY)
@log_domain_errors
def validate_devices() -> None:
    """Refuse the devices that may not go on, in a handful of statements over all rows."""
    log.info("%s", validate.validate_devices(connections.portal(), current_claim(), now=connections.clock()))


def check_data() -> CheckDataOperator:
    """Let Great Expectations pass the batch, or stop the change before any outside effect."""
    return CheckDataOperator(task_id="check_data", **POLICY)


@task(
    **POLICY
    | {
        "retries": MAX_TRIES,
        "retry_delay": timedelta(seconds=10),
        "retry_policy": AssociationRetryPolicy(most_failures=MAX_FAILURES),
    }
)
@log_domain_errors
def plan_rev_services() -> list[int]:
    """Return the numbers of the slices whose devices want a line."""
    engine, claim = connections.portal(), current_claim()
    clients = connections.revio_clients(claim.bulk_change_id)
    try:
        return plan.plan_rev_services(engine, claim, clients, connections.settings(), clock=connections.clock)
    except WAITS as problem:
        with engine.connect() as connection:
            is_late = deadlines.is_past_deadline(connection, claim, connections.clock())
        if not is_late:
            raise
        raise AirflowFailException(f"the change's deadline has passed: {problem}") from problem


@task(
    **POLICY | {"retries": MAX_TRIES, "retry_delay": timedelta(seconds=10)},
    map_index_template="{{ devices }}",
    max_active_tis_per_dagrun=SLICES_AT_ONCE,
    pool=POOL,
)
@log_domain_errors
def create_rev_service(slice_number: int) -> None:
    """Give each SIM of a slice exactly one line."""
    context, claim = get_current_context(), current_claim()
    slice_context = open_context(
        connections.portal(),
        claim,
        connections.revio_clients(claim.bulk_change_id),
        connections.settings(),
        connections.clock,
        lambda connection_id: connections.call_budget(connection_id, claim.bulk_change_id),
    )
    context["devices"] = line_creation.slice_label(slice_context, slice_number)  # type: ignore[typeddict-unknown-key]
    is_late = slice_context.is_late()
    try:
        log.info("%s", line_creation.create_rev_services(slice_context, slice_number, last_try=is_late))
    except (ClaimLost, DatabaseUnavailable):
        raise
    except Exception as problem:
        if is_late:
            raise AirflowFailException(f"the change's deadline has passed: {problem}") from problem
        if not isinstance(problem, StepUnfinished):
            raise
        if not stops.waits_in_vain(slice_context.engine, claim, slice_context.clock()):
            raise
        log.warning("the change was stopped and its account cannot be called; the sweep looks up the rest: %s", problem)


@task(**POLICY, trigger_rule=TriggerRule.ALL_DONE)
@log_domain_errors
def associate_devices() -> None:
    """Give the devices whose line is settled to the customer, whatever failed before."""
    counts = associate.associate_devices(
        connections.portal(),
        current_claim(),
        clock=connections.clock,
    )
    log.info("%s", counts)


@task(**POLICY, trigger_rule=TriggerRule.ALL_DONE)
@log_domain_errors
def update_cross_provider_device_history() -> None:
    """Run usp_UpdateCrossProviderDeviceHistory for the associated devices."""
    counts = associate.update_cross_provider_device_history(
        connections.portal(), current_claim(), now=connections.clock()
    )
    log.info("%s", counts)


@task(**POLICY, trigger_rule=TriggerRule.ALL_DONE)
@log_domain_errors
def update_device_rev_service_links() -> None:
    """Run UPDATE_DEVICE_REV_SERVICE_LINKS for the change."""
    log.info(
        "%s",
        associate.update_device_rev_service_links(connections.portal(), current_claim(), now=connections.clock()),
    )


@task(**POLICY, trigger_rule=TriggerRule.ALL_DONE, outlets=[CLOSED])
@log_domain_errors
def close_bulk_change() -> dict[str, Any]:
    """Give the change its final status; fail when it ended as ERROR or a step before died for good."""
    context = get_current_context()
    failed = failed_tasks(context)
    if opened() is None:
        raise AirflowFailException(
            f"no bulk change was opened: {', '.join(failed) or 'an earlier task'} failed, see its log"
        )
    closed = close.close_bulk_change(
        connections.portal(), current_claim(), failed_steps=failed, now=connections.clock()
    )
    result = closed.as_result()
    log.info("%s", result)
    context["outlet_events"][CLOSED].extra = {"bulk_change_id": closed.bulk_change_id, "status": closed.status}
    if failed or not closed.succeeded:
        context["ti"].xcom_push(key="return_value", value=result)
        because = f"these tasks failed: {', '.join(failed)}" if failed else "no device was associated"
        raise AirflowFailException(f"bulk change {closed.bulk_change_id} ended as {closed.status}; {because}")
    return result


def failed_tasks(context: Any) -> list[str]:
    """Return the tasks of this run that died for good, mapped ones with their index."""
    run_id = context["dag_run"].run_id
    states = context["ti"].get_task_states(dag_id=airflow_runs.ASSOCIATE, run_ids=[run_id]).get(run_id, {})
    return sorted(task_id for task_id, state in states.items() if state == "failed" and task_id != "notify_2_0")


@teardown
@task(**POLICY)
def notify_2_0() -> None:
    """Send the 2.0 system what is owed for this change; its failure never changes the run's colour."""
    work = opened()
    if work is not None:
        sent = outbox.flush_outbox(
            connections.portal(),
            outbox.NOTIFICATION,
            connections.receiver().send,
            bulk_change_id=work["bulk_change_id"],
        )
        log.info("%s notifications sent", sent)


@task(**POLICY | {"execution_timeout": timedelta(minutes=5)})
@log_domain_errors
def store_choices() -> None:
    """Store what the drop-downs of the trigger form offer."""
    log.info("%s choices", refresh_choices(connections.portal()))
