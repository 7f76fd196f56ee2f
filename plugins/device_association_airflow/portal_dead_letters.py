"""What the portal shows of the messages that nobody could work on; the DAG `redrive_dead_letters` decides about them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field as Bounds

from device_association.domain.association_request import read_fields
from device_association.domain.plain_numbers import PLAIN_WHOLE
from device_association.maintenance.letter_store import CAUSE_WORDS, State, list_dead_letters
from device_association_airflow.portal_caller import EditorDep, EngineDep, NowDep
from device_association_airflow.portal_changes import page
from device_association_airflow.portal_pages import FilledDep, pages_app, pages_of, render_page
from device_association_airflow.portal_queries import Id, Parameters

dead_letters = APIRouter()
STATE_WORDS = {
    State.FOUND: "In the dead-letter queue",
    State.PUT_BACK: "Put back",
    State.SET_ASIDE: "Set aside",
    State.GONE: "Gone from the queue",
}
PAGE = 50


class LetterFilters(Parameters):
    """Which dead letters are listed; `Before` is the `Next` of the page before."""

    state: State | None = None
    before: Id | None = None
    limit: Annotated[int, PLAIN_WHOLE, Bounds(ge=1, le=200)] = PAGE


@dead_letters.get("/DeadLetters")
def listed(caller: EditorDep, engine: EngineDep, filters: Annotated[LetterFilters, Query()]) -> dict[str, Any]:
    """Return the messages that nobody could work on, newest first, with cause, and what became of each."""
    found = list_dead_letters(engine, caller, **dict(filters))
    return page("DeadLetters", found, filters.limit, "dead_letter_id")


@pages_app.get("/dead-letters")
def screen(request: Request, caller: EditorDep, engine: EngineDep, now: NowDep, sent: FilledDep) -> Response:
    """Show the messages that nobody could work on."""
    asked = read_fields(LetterFilters, sent)
    found = list_dead_letters(engine, caller, state=asked.state, before=asked.before, limit=PAGE)
    shown = {"letters": found, "sent": sent, "pages": pages_of(sent, "Before", found, "dead_letter_id"), "now": now}
    words = {"cause_words": CAUSE_WORDS, "state_words": STATE_WORDS}
    return render_page(request, "dead_letters.html", caller, "dead-letters", **shown, **words)
