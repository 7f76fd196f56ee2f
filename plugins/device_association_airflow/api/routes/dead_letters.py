"""What the portal shows of the messages that nobody could work on; the DAG `redrive_dead_letters` decides about them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from device_association.maintenance.letter_store import list_dead_letters
from device_association_airflow.api.dependencies import EditorDep, EngineDep
from device_association_airflow.api.paging import page
from device_association_airflow.api.parameters import LetterFilters

dead_letters = APIRouter()


@dead_letters.get("/DeadLetters")
def listed(caller: EditorDep, engine: EngineDep, filters: Annotated[LetterFilters, Query()]) -> dict[str, Any]:
    """Return the messages that nobody could work on, newest first, with cause, and what became of each."""
    found = list_dead_letters(engine, caller, **dict(filters))
    return page("DeadLetters", found, filters.limit, "dead_letter_id")
