"""How a hunt tries random examples, and how many: a few in every `make test`, many in `make test-slow`."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, settings

SAME_EACH_TIME = settings(
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
"""The same examples in each run, the first that fails as it is: a smaller one would cost minutes."""


def few_and_many(few: int, many: int) -> pytest.MarkDecorator:
    """Return what gives a test its argument `examples`, in two tests of which the second is slow."""
    return pytest.mark.parametrize(
        "examples", [pytest.param(few, id="few"), pytest.param(many, id="many", marks=pytest.mark.slow)]
    )
