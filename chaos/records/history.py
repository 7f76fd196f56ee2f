"""What was asked, what was answered, what was broken: one line of JSON each, only ever appended."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

Event = dict[str, Any]


class History:
    """The history of one run; each event is on disk before its writer goes on."""

    def __init__(self, file: Path) -> None:
        self._file, self._lock = file, threading.Lock()
        self.events: list[Event] = []
        file.unlink(missing_ok=True)

    def note(self, what: str, kind: str, **about: Any) -> Event:
        """Append one event and return it."""
        with self._lock:
            event = {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), "what": what, "kind": kind, **about}
            with self._file.open("a", encoding="utf-8") as file:
                file.write(json.dumps(event) + "\n")
            self.events.append(event)
        return event


def read_history(file: Path) -> list[Event]:
    """Return the events of a run that is over."""
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
