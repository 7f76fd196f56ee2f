"""What a run of `reconcile_associations` looks at, and how its calls come last."""

from __future__ import annotations

from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest

from device_association.domain.errors import RequestRefused
from device_association.rate_limiting.limiter import RateLimiter
from device_association.rate_limiting.policy import Pace
from device_association.reconciliation.accounts import Interval
from device_association_airflow import connections
from device_association_airflow.tasks.reconciliation import interval_of
from tests.flow import NOW

TODAY = NOW.replace(hour=0)
DAY = timedelta(days=1)


def run_of(since: datetime | None, until: datetime | None) -> SimpleNamespace:
    return SimpleNamespace(data_interval_start=since, data_interval_end=until)


def test_a_run_looks_at_its_data_interval_and_one_without_a_date_at_the_last_whole_day() -> None:
    assert interval_of(run_of(TODAY - 5 * DAY, TODAY - 4 * DAY), NOW) == Interval(TODAY - 5 * DAY, TODAY - 4 * DAY)
    assert interval_of(run_of(None, None), NOW) == Interval(TODAY - DAY, TODAY)


def test_a_run_of_a_day_that_goes_on_is_refused() -> None:
    with pytest.raises(RequestRefused, match="still goes on"):
        interval_of(run_of(TODAY, TODAY + DAY), NOW)


def test_the_client_of_reconciliation_waits_until_others_have_their_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[object, ...]] = []

    def budget(*given: object) -> RateLimiter | None:
        asked.append(given)
        return None

    monkeypatch.setattr(connections, "call_budget", budget)
    monkeypatch.setenv(
        "AIRFLOW_CONN_REVIO_PATIENT",
        '{"conn_type": "http", "host": "rev.example", "login": "l@c", "password": "p", "extra": {"subscription_key": "k"}}',
    )
    monkeypatch.setenv("DEVICE_ASSOCIATION_QUEUE_URL", "http://queue")
    connections.settings.cache_clear()
    client = connections.patient_client("revio_patient")
    assert (client.account.name, asked) == ("revio_patient", [("revio_patient", 0, Pace.LAST)])
    connections.settings.cache_clear()
