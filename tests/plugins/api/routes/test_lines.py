"""The line of a SIM is named by an editor who may see the change, with a reason; the page offers it to nobody else."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest

from device_association.domain.errors import RevioRejected
from device_association.revio.lines import Line
from local.sample_data import groups, world
from tests.flow import NOW, Flow, request
from tests.portal_client import Portal

SIM, DONE, REFUSED, ARCHIVED = *groups().plain[:3], groups().archived[0]
WHY = "the invoice has line 52, <b>ticket</b> 4711"


@pytest.fixture
def unclear(flow: Flow) -> int:
    """Give an ended change: one device whose line is not clear, one that is done, one refused by Rev.io, one archived."""
    flow.rev.kept = [Line(number, int(world.ACME), None, SIM, NOW, None) for number in (51, 52)]
    flow.rev.refusing = {REFUSED: [RevioRejected("no", status=400)]}
    change_id = flow.run(request([SIM, DONE, REFUSED, ARCHIVED])).bulk_change_id
    assert flow.codes(change_id)[SIM] == "REV_LINE_AMBIGUOUS"
    return change_id


def body(**more: Any) -> dict[str, Any]:
    return {"ICCID": SIM, "RevServiceId": 52, "Reason": WHY} | more


def code_of(answer: Any) -> tuple[int, str, str]:
    (first, *_) = answer.json()["Errors"]
    return answer.status_code, first["Code"], first["Field"]


def kept(flow: Flow) -> list[tuple[str, int, str, str]]:
    found = flow.all("device_association", "named_line")
    return [(one["iccid"], one["revserviceid"], one["actor"], one["reason"]) for one in found]


def test_a_named_line_is_kept_with_who_named_it_and_why_and_the_retry_adopts_it(
    api: Portal, flow: Flow, unclear: int
) -> None:
    answer = api.post(f"/BulkChanges/{unclear}/lines", body(ICCID=f" {SIM} "))
    assert answer.status_code == 200
    assert {name: answer.json()[name] for name in ("Success", "ChangeId", "ICCID", "RevServiceId")} == {
        "Success": True,
        "ChangeId": unclear,
        "ICCID": SIM,
        "RevServiceId": 52,
    }
    assert kept(flow) == [(SIM, 52, "dora.ops", WHY)]
    told = [one for one in api.get(f"/BulkChanges/{unclear}/log?Limit=500").json()["Log"] if one["Step"] == "name_line"]
    assert [one["ProcessedBy"] for one in told] == ["dora.ops"]
    assert (f"named line 52 as this SIM's: {WHY}" in told[0]["Response"], SIM in told[0]["Request"]) == (True, True)
    again = {"Reason": "named", "Codes": ["REV_LINE_AMBIGUOUS"]}
    assert api.post(f"/BulkChanges/{unclear}/retry", again).json()["Accepted"] == 1
    claim = flow.open(unclear, "again")
    flow.check(claim)
    flow.lines(claim)
    flow.associate(claim)
    flow.close(claim)
    assert flow.codes(unclear)[SIM] == "PROCESSED"


@pytest.mark.parametrize(
    ("sent", "refused"),
    [
        ({"ICCID": DONE}, (409, "LINE_NOT_IN_QUESTION", "ICCID")),
        ({"ICCID": REFUSED}, (409, "LINE_NOT_IN_QUESTION", "ICCID")),
        ({"ICCID": ARCHIVED}, (409, "LINE_NOT_IN_QUESTION", "ICCID")),
        ({"ICCID": groups().plain[9]}, (404, "DEVICE_NOT_FOUND", "ICCID")),
        ({"ICCID": SIM[:-1]}, (404, "DEVICE_NOT_FOUND", "ICCID")),
        (
            {"ICCID": SIM.translate(str.maketrans("0123456789", "０１２３４５６７８９"))},
            (404, "DEVICE_NOT_FOUND", "ICCID"),
        ),
        ({"ICCID": ""}, (422, "INVALID_REQUEST", "ICCID")),
        ({"ICCID": " "}, (422, "INVALID_REQUEST", "ICCID")),
        ({"ICCID": "8" * 51}, (422, "INVALID_REQUEST", "ICCID")),
        ({"ICCID": "89\0"}, (422, "INVALID_REQUEST", "ICCID")),
        ({"ICCID": int(SIM)}, (422, "INVALID_REQUEST", "ICCID")),
        *(
            ({"RevServiceId": wrong}, (422, "INVALID_REQUEST", "RevServiceId"))
            for wrong in (0, -1, 2**31, "52", "5_2", "²", 52.0, True, None)
        ),
        *(({"Reason": wrong}, (422, "INVALID_REQUEST", "Reason")) for wrong in ("", "  ", "x" * 501, "a\0b", 7, None)),
        ({"Colour": "red"}, (422, "INVALID_REQUEST", "Colour")),
    ],
)
def test_what_cannot_be_named_is_refused_by_its_code_and_field_and_nothing_is_kept(
    api: Portal, flow: Flow, unclear: int, sent: dict[str, Any], refused: tuple[int, str, str]
) -> None:
    assert code_of(api.post(f"/BulkChanges/{unclear}/lines", body(**sent))) == refused
    assert kept(flow) == []


@pytest.mark.parametrize("missing", ["ICCID", "RevServiceId", "Reason"])
def test_each_field_is_required(api: Portal, flow: Flow, unclear: int, missing: str) -> None:
    sent = {name: value for name, value in body().items() if name != missing}
    assert code_of(api.post(f"/BulkChanges/{unclear}/lines", sent)) == (422, "INVALID_REQUEST", missing)
    assert kept(flow) == []


def test_a_line_is_named_once_the_change_has_ended_and_never_of_one_that_was_taken_back(
    api: Portal, flow: Flow, unclear: int
) -> None:
    waiting = flow.create(request(groups().plain[5:6])).change_id
    sent = body(ICCID=groups().plain[5])
    assert code_of(api.post(f"/BulkChanges/{waiting}/lines", sent)) == (409, "CHANGE_NOT_ENDED", "id")
    assert api.post(f"/BulkChanges/{unclear}/revert", {"Reason": "wrong"}).status_code == 200
    assert code_of(api.post(f"/BulkChanges/{unclear}/lines", body())) == (409, "CHANGE_REVERTED", "id")
    assert kept(flow) == []


@pytest.mark.parametrize(
    ("user", "refused"),
    [("carl.clerk", (403, "PERMISSION_DENIED", "user")), ("olga.other", (404, "BULK_CHANGE_NOT_FOUND", "id"))],
)
def test_only_who_may_edit_and_see_the_change_may_name_a_line(
    api: Portal, flow: Flow, unclear: int, user: str, refused: tuple[int, str, str]
) -> None:
    assert code_of(api.post(f"/BulkChanges/{unclear}/lines", body(), user)) == refused
    assert kept(flow) == []


class Buttons(HTMLParser):
    """The buttons of a page that name a line, and what it says."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.found: list[dict[str, str | None]] = []
        self.words = ""
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "button" and ("data-opens", "lines") in attrs:
            self.found.append(dict(attrs))

    def handle_data(self, data: str) -> None:
        self.words += data


def look(screens: Portal, change_id: int, user: str = "dora.ops") -> Buttons:
    answer = screens.get(f"/ui/changes/{change_id}", user)
    assert answer.status_code == 200
    return Buttons(answer.text)


def test_the_page_offers_it_at_devices_whose_line_is_not_clear_to_editors_only(screens: Portal, unclear: int) -> None:
    (button,) = look(screens, unclear).found
    assert (button["data-iccid"], button["data-lines"]) == (SIM, "51 52")
    for user in ("carl.clerk", "vic.viewer"):
        assert look(screens, unclear, user).found == []
        assert 'data-action="lines"' not in screens.get(f"/ui/changes/{unclear}", user).text


def test_the_page_says_which_line_was_named_by_whom_and_offers_another(
    screens: Portal, flow: Flow, unclear: int
) -> None:
    screens.post(f"/BulkChanges/{unclear}/lines", body())
    page = look(screens, unclear)
    assert f"dora.ops named line 52: “{WHY}”. The next retry adopts it." in page.words
    assert "Name another line…" in page.words
    screens.post(f"/BulkChanges/{unclear}/retry", {"Reason": "named", "Codes": ["REV_LINE_AMBIGUOUS"]})
    assert look(screens, unclear).found == []
    claim = flow.open(unclear, "again")
    flow.check(claim)
    flow.lines(claim)
    flow.associate(claim)
    flow.close(claim)
    page = look(screens, unclear)
    assert (page.found, "named line" in page.words) == ([], False)
