"""The one stack of these tests, as each of them finds it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.end_to_end.running import Running, started


@pytest.fixture(scope="package")
def running() -> Iterator[Running]:
    """Give the folder's stack, which ends with its last test; `workers` puts another in its place."""
    with started() as running:
        yield running


@pytest.fixture(autouse=True)
def calm(running: Running) -> Iterator[None]:
    """Leave the simulator without faults and latency for the next test."""
    yield
    running.control("DELETE", "faults")
    running.control("PATCH", "settings", {"latency_ms": 0})
