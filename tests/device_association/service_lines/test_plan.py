"""The plan of a change's calls: when it waits, when it gives up, and what stops it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import update

from device_association.bulk_changes.claims import Claim
from device_association.bulk_changes.deadlines import is_past_deadline
from device_association.domain.errors import RequestRefused, RevioRetryable
from local.sample_data import groups, world
from tests.flow import Flow, request

PLAIN = groups().plain
SIM, OTHER_SIM = PLAIN[:2]


def checked(flow: Flow, devices: Sequence[str], **more: Any) -> Claim:
    claim = flow.open(flow.create(request(devices, **more)).change_id)
    flow.check(claim)
    return claim


def is_late(flow: Flow, claim: Claim) -> bool:
    with flow.portal.connect() as connection:
        return is_past_deadline(connection, claim, flow.clock())


def turned_away(**_: Any) -> Any:
    raise RevioRetryable("no call to Rev.io for 900 s", retry_after=900.0)


def test_a_stopped_change_is_not_planned_and_asks_rev_io_nothing(flow: Flow) -> None:
    claim = checked(flow, [SIM])
    flow.stop(claim, "CANCELED_BY_USER", "enough")
    flow.rev.lines = turned_away
    assert flow.plan(claim) == []
    flow.associate(claim)
    flow.close(claim)
    assert flow.codes(claim.bulk_change_id) == {SIM: "CANCELED_BY_USER"}


def test_a_stop_after_the_plan_keeps_its_slices(flow: Flow) -> None:
    claim = checked(flow, PLAIN[:2])
    slices = flow.plan(claim)
    flow.stop(claim, "CANCELED_BY_USER", "enough")
    assert flow.plan(claim) == slices == [0, 1]


def test_the_deadline_counts_from_the_first_try_of_a_plan_that_waits(flow: Flow) -> None:
    claim = checked(flow, [SIM])
    lines, flow.rev.lines = flow.rev.lines, turned_away
    for late in (False, True):
        with pytest.raises(RevioRetryable):
            flow.plan(claim)
        flow.clock.pass_seconds(3601)
        assert is_late(flow, claim) is late
    flow.rev.lines = lines
    assert flow.plan(claim) == [0]
    assert not is_late(flow, claim)


def renumber(flow: Flow, customer: str, number: str) -> None:
    table = flow.table("dbo", "revcustomer")
    with flow.portal.begin() as connection:
        connection.execute(update(table).where(table.c.revcustomerid == customer).values(revcustomerid=number))


@pytest.mark.parametrize("number", ["B-4712", "4_712", "0", "99999999999", ""])
def test_a_customer_whose_number_is_not_rev_io_s_is_refused_at_once(flow: Flow, number: str) -> None:
    renumber(flow, world.BOREALIS, number)
    guid = str(world.customer_id(world.BOREALIS))
    with pytest.raises(RequestRefused) as refused:
        flow.create(request([SIM], RevCustomerId=guid))
    assert [one.code for one in refused.value.refusals] == ["CUSTOMER_HAS_NO_REV_ACCOUNT"]
    assert repr(number) in str(refused.value)


def test_a_customer_who_lost_his_number_meanwhile_fails_only_his_own_devices(flow: Flow) -> None:
    """The running portal's changes have rows of several customers."""
    first = flow.create(request([SIM])).change_id
    second = flow.create(request([OTHER_SIM], RevCustomerId=world.BOREALIS)).change_id
    with flow.portal.begin() as connection:
        for schema, name in [
            ("device_association", "request_terms"), ("dbo", "m2m_devicechange"),
            ("device_association", "requested_device"), ("device_association", "device_lock"),
        ]:  # fmt: skip
            table = flow.table(schema, name)
            connection.execute(update(table).where(table.c.bulkchangeid == second).values(bulkchangeid=first))
    renumber(flow, world.BOREALIS, "B-4712")
    claim = flow.open(first)
    flow.check(claim)
    flow.lines(claim)
    flow.associate(claim)
    flow.close(claim)
    assert flow.codes(first) == {SIM: "PROCESSED", OTHER_SIM: "CUSTOMER_HAS_NO_REV_ACCOUNT"}
