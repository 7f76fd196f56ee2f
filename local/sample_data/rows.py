"""What the rows of the sample world have in common."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

Rows = list[dict[str, Any]]
"""Rows of one table, by column; without `id` the table numbers them."""
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
"""Nothing in the sample world is older."""
