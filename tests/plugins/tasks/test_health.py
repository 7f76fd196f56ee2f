"""The figures that `report_health` sends to where Airflow's own metrics go."""

from __future__ import annotations

import pytest
from airflow.sdk.observability import stats

from device_association_airflow.tasks import health


def test_every_metric_goes_out_under_our_prefix_with_a_name_that_statsd_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: dict[str, float] = {}
    monkeypatch.setattr(stats, "gauge", lambda name, value: sent.update({name: value}))
    health.send({"changes.new": 3, "account.revio north/1.calls_today": 4})
    assert sent == {
        "device_association.changes.new": 3,
        "device_association.account.revio_north_1.calls_today": 4,
    }
