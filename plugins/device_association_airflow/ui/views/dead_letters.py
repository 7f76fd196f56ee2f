"""The screen of the messages that nobody could work on."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from device_association.domain.association_request import read_fields
from device_association.maintenance.letter_store import CAUSE_WORDS, State, list_dead_letters
from device_association_airflow.api.dependencies import EditorDep, EngineDep, NowDep
from device_association_airflow.api.parameters import LetterFilters
from device_association_airflow.ui.paging import PAGE, FilledDep, pages_of
from device_association_airflow.ui.rendering import render_page

router = APIRouter()
STATE_WORDS = {
    State.FOUND: "In the dead-letter queue",
    State.REDRIVEN: "Put back",
    State.QUARANTINED: "Set aside",
    State.GONE: "Gone from the queue",
}


@router.get("/dead-letters")
def screen(request: Request, caller: EditorDep, engine: EngineDep, now: NowDep, sent: FilledDep) -> Response:
    """Show the messages that nobody could work on."""
    asked = read_fields(LetterFilters, sent)
    found = list_dead_letters(engine, caller, state=asked.state, before=asked.before, limit=PAGE)
    shown = {"letters": found, "sent": sent, "pages": pages_of(sent, "Before", found, "dead_letter_id"), "now": now}
    words = {"cause_words": CAUSE_WORDS, "state_words": STATE_WORDS}
    return render_page(request, "dead_letters.html", caller, "dead-letters", **shown, **words)
