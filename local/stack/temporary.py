"""A whole stack for a while: on free ports, in a folder of its own, gone at the end. For tests and chaos."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from local.stack.ports import free_ports
from local.stack.settings import LocalSettings
from local.stack.stack import Stack

IMPATIENT = {
    "DEVICE_ASSOCIATION_REV_SEARCH_LAG_SECONDS": "2",
    "DEVICE_ASSOCIATION_REV_LEASE_SECONDS": "12",
    "DEVICE_ASSOCIATION_REV_CALL_TIMEOUT_SECONDS": "10",
    "DEVICE_ASSOCIATION_REV_READ_TIMEOUT_SECONDS": "5",
    "DEVICE_ASSOCIATION_REV_RETRY_WINDOW_SECONDS": "5",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "10",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "3",
    "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.3",
    "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "3600",
}
"""Short leases and time-outs: what is lost is found in seconds. Several such stacks share the processors: an idle one looks
for work three times a second and reads no DAG file again that did not change."""


@contextmanager
def temporary_stack(*, beneath: Path | None = None, **more: Any) -> Iterator[Stack]:
    """Give a stack of its own on free ports, with these settings, and stop it at the end.

    Its folder is beneath the given one, else the usual temporary one. It is not pytest's: a session that starts meanwhile
    closes pytest's folders to PostgreSQL's system user.
    """
    folder = Path(tempfile.mkdtemp(prefix="stack-tests-", dir=beneath))
    names = [name for name in LocalSettings.model_fields if name.endswith("_port")]
    ports: dict[str, Any] = dict(zip(names, free_ports(len(names)), strict=True))
    settings = LocalSettings(state_dir=folder, _env_file=None, **ports, **more)
    stack = Stack(settings)
    try:
        stack.up()
        yield stack
    finally:
        stack.down()
        shutil.rmtree(folder, ignore_errors=True)
