"""The changes that wait for approval, and what a person is asked about each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine

from device_association.bulk_changes.locks import find_bulk_change
from device_association.database.execution import in_transaction, row, rows, run
from device_association.requests.device_rules import count_rows

MAX_QUESTIONS = 500
"""How many changes one Airflow run asks about; a run cannot have more than 1,024 mapped tasks."""


@dataclass(frozen=True, slots=True)
class Approval:
    """Why a change waits or waited for approval, and the answer; None while there is none."""

    why: str
    asked_by: str
    asked: datetime
    expires: datetime
    answer: str | None
    answered_by: str | None
    answered: datetime | None


@dataclass(frozen=True, slots=True)
class WaitingChange:
    """A change that waits for an answer, and the Airflow run that asks a person about it."""

    bulk_change_id: int
    asked: datetime
    expires: datetime
    run_id: str | None


def find_approval(connection: Connection, change_id: int) -> Approval | None:
    """Return why a change waits or waited for approval, with the answer; None where nobody was asked."""
    return row(connection, Approval, "requests/find_approval", bulk_change_id=change_id)


def list_waiting(engine: Engine) -> list[WaitingChange]:
    """Return the changes that wait for an answer, the longest waiting first."""
    with engine.connect() as connection:
        return _list_waiting(connection)


def take_questions(engine: Engine, run_id: str, most: int = MAX_QUESTIONS) -> list[int]:
    """Let a run ask about the changes that none asks about yet; return all that wait for its answers, by id.

    A run that asks again, or two at once, take nothing twice.
    """

    def take(connection: Connection) -> list[int]:
        free = sorted(one.bulk_change_id for one in _list_waiting(connection) if one.run_id is None)
        if free:
            run(connection, "requests/take_questions", run_id=run_id, last_id=free[:most][-1])
        return sorted(one.bulk_change_id for one in _list_waiting(connection) if one.run_id == run_id)

    return in_transaction(engine, take)


def question(engine: Engine, bulk_change_id: int) -> str | None:
    """Return what a person is asked about a change, in Markdown; None where nobody has to be asked any more."""
    with engine.connect() as connection:
        asked = find_approval(connection, bulk_change_id)
        change = find_bulk_change(connection, bulk_change_id)
        counts = count_rows(connection, bulk_change_id)
    if asked is None or change is None or asked.answer is not None:
        return None
    return (
        f"**{asked.asked_by}** of tenant {change.tenant_name} asks for {counts.open_rows} devices "
        f"({counts.final_rows} more were refused).\n\nIt needs a second person because: {asked.why}.\n\n"
        f"Without an answer it ends at {asked.expires:%Y-%m-%d %H:%M} UTC. The first answer counts, here or in the portal."
    )


def _list_waiting(connection: Connection) -> list[WaitingChange]:
    return rows(connection, WaitingChange, "requests/list_open")
