"""Runbooks followed: an alarm fires on the real thing, what its page says under 'What to do' is done, and it is over."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from device_association.associations.rate_plans import Interval, apply_due_plans
from device_association.bulk_changes.access import PortalUser, Right, find_caller
from device_association.domain.errors import RevioRetryable, StepUnfinished
from device_association.maintenance import sweep
from device_association.messaging import outbox
from device_association.monitoring import health, snapshot
from device_association.monitoring.snapshot import read_figures, record_heartbeat
from device_association.requests.actions import retry_change
from local.sample_data import groups
from tests.flow import Flow, request
from tests.outcomes import Committed, ended_unknown, settle

PLAIN = groups().plain
RUN = "bulk_change__gone"


@pytest.fixture
def well(flow: Flow) -> Flow:
    """Give a world whose sample changes and plans are done with."""
    flow.clock.pass_seconds(10 * 365 * 86400)
    apply_due_plans(flow.portal, Interval(), clock=flow.clock)
    assert alarms(flow) == set()
    return flow


def alarms(flow: Flow) -> set[str]:
    """Return the alarms that are on, with nothing owed and every job just seen."""
    for kind in (outbox.MESSAGE, outbox.NOTIFICATION):
        outbox.flush_outbox(flow.portal, kind, lambda _: None)
    for name in snapshot.JOBS:
        record_heartbeat(flow.portal, name, now=flow.clock())
    return {one.name for one in health.checks(read_figures(flow.portal, now=flow.clock())) if one.is_on}


def caller(flow: Flow) -> PortalUser:
    with flow.portal.connect() as connection:
        return find_caller(connection, "dora.ops", Right.EDIT)


def test_change_late_a_hanging_run_is_marked_as_failed_and_the_sweep_ends_its_change(well: Flow) -> None:
    claim = well.open(well.create(request(PLAIN[:2])).change_id, RUN)
    well.check(claim)
    well.rev.refusing = {PLAIN[1]: [RevioRetryable("down")] * 9}
    with pytest.raises(StepUnfinished):
        well.lines(claim)
    well.clock.pass_seconds(86400)
    assert alarms(well) == {"change_late"}
    late: dict[str, Any] = {"run_id": "sweep", "clock": well.clock}
    assert sweep.close_overdue(well.portal, is_run_active=lambda run: run == RUN, **late) == 0
    assert sweep.close_overdue(well.portal, is_run_active=lambda _: False, **late) == 1
    assert well.codes(claim.bulk_change_id) == {PLAIN[0]: "PROCESSED", PLAIN[1]: "DEADLINE_EXCEEDED"}
    assert alarms(well) == set()


def test_outcome_unknown_rev_io_is_back_and_the_sweep_settles_it(well: Flow) -> None:
    ended_unknown(well, list(PLAIN[:1]), Committed)
    shown, well.rev.lines = well.rev.lines, lambda **_: (_ for _ in ()).throw(ConnectionError("down"))
    well.clock.pass_seconds(3700)
    assert "outcome_unknown" in alarms(well)
    well.rev.lines = shown
    settle(well)
    assert "outcome_unknown" not in alarms(well)


def test_findings_open_a_sim_that_is_safe_to_retry_is_retried(well: Flow) -> None:
    claim = ended_unknown(well, list(PLAIN[:1]), type("Lost", (Committed,), {"committed": False}))
    well.clock.pass_seconds(3700)
    settle(well)
    assert alarms(well) == {"findings_open"}
    retry_change(well.portal, caller(well), claim.bulk_change_id, reason="it says so", codes=None, now=well.clock())
    well.rev.refusing = {}
    again = well.open(claim.bulk_change_id, "again")
    well.check(again)
    well.lines(again)
    well.associate(again)
    well.close(again)
    settle(well)
    assert well.codes(claim.bulk_change_id) == {PLAIN[0]: "PROCESSED"}
    assert alarms(well) == set()


def test_plans_overdue_the_job_is_started_and_takes_everything_that_is_due(well: Flow) -> None:
    due = well.clock() + timedelta(hours=1)
    asked = request(PLAIN[:1], CreateRevService=False, AddCustomerRatePlan=True, CustomerRatePlan="1")
    well.run(asked | {"EffectiveDate": due.isoformat()})
    well.clock.now = due + timedelta(hours=3)
    assert alarms(well) == {"plans_overdue"}
    apply_due_plans(well.portal, Interval(), clock=well.clock)
    assert alarms(well) == set()


def test_change_waiting_the_change_is_started_by_its_id(well: Flow) -> None:
    change_id = well.create(request(PLAIN[:1], CreateRevService=False, ServiceTypeId=None, ProviderId=None)).change_id
    outbox.flush_outbox(well.portal, outbox.MESSAGE, lambda _: None)
    well.clock.pass_seconds(1900)
    assert alarms(well) == {"change_waiting"}
    claim = well.open(change_id, "manual__by_its_id")
    well.check(claim)
    well.associate(claim)
    well.close(claim)
    assert alarms(well) == set()
