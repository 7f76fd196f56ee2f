"""The dead letters in the portal: who sees which, by the API and on the screen."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import Engine

from device_association.maintenance.dead_letters import look, redrive
from local.sample_data import groups
from tests.flow import NOW, Flow, request
from tests.letters import Letters
from tests.page import Page
from tests.portal_client import Portal


@pytest.fixture
def letters() -> Letters:
    return Letters()


def test_the_screen_shows_cause_advice_and_what_became_of_each(
    screens: Portal, portal: Engine, letters: Letters
) -> None:
    assert "Every message so far could be worked on" in Page(screens.get("/ui/dead-letters").text).said
    letters.add("<script>alert(1)</script>")
    look(portal, letters, now=NOW)
    page = Page(screens.get("/ui/dead-letters").text)
    for words in ("<script>alert(1)</script>", "Cannot be read", "In the dead-letter queue", "have a look at who sent"):
        assert words in page.said
    assert "/dags/redrive_dead_letters" in page.addresses
    redrive(portal, letters, actor="dora.ops", now=NOW)
    assert "Set aside by dora.ops" in Page(screens.get("/ui/dead-letters").text).said
    assert "No dead letter matches" in Page(screens.get("/ui/dead-letters", params={"State": "FOUND"}).text).said
    assert screens.get("/ui/dead-letters", "vic.viewer").status_code == 403


def test_each_sees_the_letters_of_the_own_changes_and_of_no_change_whoever_has_no_tenant_above(
    api: Portal, flow: Flow, portal: Engine, letters: Letters
) -> None:
    own = flow.create(request(groups().plain[:1])).change_id
    letters.add(json.dumps({"BulkChangeId": own}))
    letters.add("garbage")
    look(portal, letters, now=NOW)
    seen = {
        user: [one["Cause"] for one in api.get("/DeadLetters", user).json()["DeadLetters"]]
        for user in ("dora.ops", "olga.other")
    }
    assert sorted(seen["dora.ops"]) == ["OPEN", "UNREADABLE"]
    assert seen["olga.other"] == ["UNREADABLE"]
    first = api.get("/DeadLetters", params={"Limit": 1}).json()
    rest = api.get("/DeadLetters", params={"Limit": 1, "Before": first["Next"]}).json()
    bodies = {one["Body"] for one in (*first["DeadLetters"], *rest["DeadLetters"])}
    assert bodies == {"garbage", json.dumps({"BulkChangeId": own})}
    assert api.get("/DeadLetters", params={"State": "LOST"}).status_code == 422
