"""What stands for many measured values: the median and the 95th percentile."""

from __future__ import annotations

import statistics


def median(values: list[float]) -> float:
    """Return the median."""
    return statistics.median(values)


def p95(values: list[float]) -> float:
    """Return the 95th percentile, interpolated."""
    return statistics.quantiles(values, n=20, method="inclusive")[-1]
