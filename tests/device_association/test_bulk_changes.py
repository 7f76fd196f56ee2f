from __future__ import annotations

from datetime import UTC, datetime

from device_association.bulk_changes import create_bulk_change
from local.sample_data import groups, world
from sqlalchemy import Engine

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def test_first_walk(portal: Engine) -> None:
    g = groups()
    made = create_bulk_change(portal, {"ServiceProviderId": world.JASPER, "Devices": [*g.plain[:3], *g.invalid, *g.not_found, *g.not_in_tenant, *g.archived, *g.status_not_allowed, *g.in_other_change, *g.other_customer, *g.has_active_service], "RevCustomerId": world.ACME, "CreateRevService": True, "ServiceTypeId": 11, "ProviderId": 21}, user_name="dora.ops", now=NOW, max_devices=100)
    with portal.connect() as c:
        rows = c.exec_driver_sql("select errorcode, statusdetails, count(*) from dbo.m2m_devicechange where bulkchangeid=%s group by 1,2", (made.change_id,)).all()
    for r in rows: print(r)
    assert made.accepted == 3
