"""Everything that is there when a run is over, as plain rows: what the checker compares."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

Row = dict[str, Any]


@dataclass
class World:
    """History, the database's tables by their own names in small letters, the vendor's journal, queues and runs.

    Values are what JSON knows: times are ISO texts, decimals and guids are texts.
    """

    history: list[Row]
    tables: dict[str, list[Row]]
    seeded: list[Row] = field(default_factory=list)
    journal: list[Row] = field(default_factory=list)
    queue: list[str] = field(default_factory=list)
    dead_letters: list[str] = field(default_factory=list)
    runs: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> str:
        """Return the world as text."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> World:
        """Return the world of a text."""
        return cls(**json.loads(text))
