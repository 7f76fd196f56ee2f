from __future__ import annotations

from sqlalchemy import Engine, delete

from device_association.database.batches import in_batches, lock_devices, row_batches
from local.sample_data import groups
from tests.flow import Flow, request

DEVICES = groups().plain[:5]


def small(flow: Flow) -> Engine:
    return flow.portal.execution_options(rows_per_statement=2)


def test_batches_cover_each_row_of_a_change_once(flow: Flow) -> None:
    flow.create(request(groups().plain[5:8]))
    made = flow.create(request(DEVICES)).change_id
    ids = [one["id"] for one in flow.all("dbo", "m2m_devicechange", bulkchangeid=made)]
    with small(flow).connect() as connection:
        batches = row_batches(connection, made)
        checked = row_batches(connection, made, up_to=sorted(ids)[2])
    covered = [range(one["first_row_id"], one["last_row_id"] + 1) for one in batches]
    assert [row_id for part in covered for row_id in part] == sorted(ids)
    assert max(len(part) for part in covered) == 2
    assert [one["last_row_id"] for one in checked] == [sorted(ids)[1], sorted(ids)[2]]


def test_a_change_without_rows_has_no_batches(flow: Flow) -> None:
    with flow.portal.connect() as connection:
        assert row_batches(connection, 4711) == []


def test_holds_are_taken_batch_by_batch_and_only_once(flow: Flow) -> None:
    made = flow.create(request(DEVICES)).change_id
    holds = flow.table("device_association", "device_lock")
    with small(flow).begin() as connection:
        connection.execute(delete(holds).where(holds.c.bulkchangeid == made))
        for _ in range(2):
            lock_devices(connection, made, now=flow.clock())
    assert len(flow.all("device_association", "device_lock")) == len(DEVICES)


def test_what_a_batched_statement_changed_is_counted_over_all_batches(flow: Flow) -> None:
    made = flow.create(request(DEVICES)).change_id
    about = {"bulk_change_id": made, "actor": "dora.ops", "now": flow.clock(), "code": "X", "details": "X: refused"}
    with small(flow).begin() as connection:
        refused = in_batches(connection, "data_checks/reject_open_rows", row_batches(connection, made), **about)
    assert refused == len(DEVICES)
