"""Shows what a run came to, and writes it down."""

from __future__ import annotations

import json
import platform
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from chaos.checks.checker import history_of
from chaos.checks.others import count_doubles_in_the_window
from chaos.checks.stories import by
from chaos.checks.view import View
from chaos.run import Outcome

MAX_SHOWN = 20


def summary(outcome: Outcome) -> dict[str, Any]:
    """Return the figures of a run."""
    history, changes = outcome.world.history, _changes(outcome)
    struck = Counter(one["kind"] for one in history if one["what"] == "struck")
    devices = [one for one in outcome.world.tables["m2m_devicechange"] if one["bulkchangeid"] in _ids(changes)]
    return {
        "mode": outcome.schedule.name,
        "seed": outcome.schedule.seed,
        "seconds": round(outcome.seconds, 1),
        "schedule": outcome.schedule.digest,
        "changes": len(changes),
        "faults": struck.total(),
        "violations": len(outcome.violations),
        "last_end_seconds": _last_end(outcome, changes),
        "changes_by_status": dict(Counter(one["status"] for one in changes)),
        "devices_by_code": dict(Counter(one["errorcode"] or one["status"] for one in devices)),
        "lines_made": _made(outcome, "api"),
        "lines_made_by_people": _made(outcome, "person"),
        "doubles_in_the_window": count_doubles_in_the_window(View(outcome.world)),
        "faults_by_kind": dict(struck.most_common()),
        "faults_missed": dict(Counter(one["kind"] for one in history if one["what"] == "missed")),
        "unanswered": sum(one["what"] == "unanswered" for one in history),
        "violations_by_kind": dict(Counter(one.kind for one in outcome.violations)),
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
    }


def write(outcome: Outcome, file: Path) -> None:
    """Write the figures where they are looked for."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(summary(outcome), indent=2) + "\n", encoding="utf-8")


def show(outcome: Outcome, console: Console) -> None:
    """Print the figures, and each violation with its history."""
    figures = summary(outcome)
    table = Table("figure", "value", title=f"Chaos, seed {outcome.schedule.seed}")
    for name, value in figures.items():
        shown = ", ".join(f"{count} {kind}" for kind, count in value.items()) if isinstance(value, dict) else str(value)
        table.add_row(name, shown)
    console.print(table)
    for number, violation in enumerate(outcome.violations[:MAX_SHOWN], 1):
        console.print(f"[red]{number}. {violation.kind}[/red]: {violation.said}", soft_wrap=True)
        for event in history_of(outcome.world, violation):
            console.print(f"   {json.dumps(event)}", markup=False, highlight=False, soft_wrap=True)
    if len(outcome.violations) > MAX_SHOWN:
        console.print(f"and {len(outcome.violations) - MAX_SHOWN} more")


def _last_end(outcome: Outcome, changes: list[dict[str, Any]]) -> float | None:
    """Return how long after the last fault the last change ended; none where nothing struck or ended."""
    ends = [datetime.fromisoformat(one["processeddate"]) for one in changes if one["processeddate"]]
    faults = [datetime.fromisoformat(one["at"]) for one in outcome.world.history if one["what"] == "struck"]
    return round(max(0.0, (max(ends) - max(faults)).total_seconds()), 1) if ends and faults else None


def _made(outcome: Outcome, who: str) -> int:
    return sum(one["kind"] == "service_created" and by(one) == who for one in outcome.world.journal)


def _changes(outcome: Outcome) -> list[dict[str, Any]]:
    return [one for one in outcome.world.tables["devicebulkchange"] if one["changerequesttypeid"] == 4]


def _ids(changes: list[dict[str, Any]]) -> set[int]:
    return {one["id"] for one in changes}
