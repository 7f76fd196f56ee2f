"""Lists that lie: pages that repeat, counts that are wrong, records that are none; and the hooks around each call."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from device_association import revio
from device_association.errors import RevioError, RevioOutcomeUnknown, RevioRejected, RevioRetryable
from device_association.revio import Account, Line, Product, RevioClient, parse_moment
from device_association.revio_transport import Answer, NoAnswer

ACCOUNT = Account("revio", "https://restapi.example", "a@b", "p", "k")


class Scripted:
    """Carries no call: gives for each page what the test says, and remembers what was asked."""

    def __init__(self, page: Callable[[int], object], status: int = 200) -> None:
        self.page, self.status = page, status
        self.asked: list[Mapping[str, object]] = []

    def send(self, method: str, path: str, query: Mapping[str, object], body: object = None) -> Answer:
        self.asked.append(query)
        page = query.get("page", 1)
        assert isinstance(page, int)
        answer = self.page(page)
        if isinstance(answer, Exception):
            raise answer
        return Answer(self.status, {}, json.dumps(answer).encode())


def client(transport: Any, **hooks: Any) -> RevioClient:
    return RevioClient(ACCOUNT, transport=transport, **hooks)


def page(*ids: object, more: object = False, **also: object) -> dict[str, object]:
    return {"ok": True, "has_more": more, "record_count": 7, "records": [{"service_id": one} for one in ids]} | also


def listed(transport: Scripted) -> list[int]:
    return [line.service_id for line in client(transport).lines(customer_id=1)]


def test_pages_are_asked_for_until_there_is_no_more() -> None:
    pages = Scripted(lambda number: page(number * 2, number * 2 + 1, more=number < 3))
    assert listed(pages) == [2, 3, 4, 5, 6, 7]
    assert [one["page"] for one in pages.asked] == [1, 2, 3]
    assert {one["page_size"] for one in pages.asked} == {500}


def test_an_empty_page_is_the_last_whatever_it_says() -> None:
    pages = Scripted(lambda number: page(1, more=True) if number == 1 else page(more=True))
    assert listed(pages) == [1]
    assert len(pages.asked) == 2


def test_a_page_that_brings_nothing_new_is_the_last_whatever_it_says() -> None:
    pages = Scripted(lambda _: page(1, 2, more=True))
    assert listed(pages) == [1, 2]
    assert len(pages.asked) == 2


def test_lines_that_move_between_pages_are_listed_once() -> None:
    pages = Scripted(lambda number: [page(1, 2, 3, more=True), page(3, 4, more=True), page(4, 5)][number - 1])
    assert listed(pages) == [1, 2, 3, 4, 5]


def test_a_page_shorter_than_asked_for_is_not_taken_for_the_last() -> None:
    pages = Scripted(lambda number: [page(1, 2, more=True), page(3, more=True), page(4)][number - 1])
    assert listed(pages) == [1, 2, 3, 4]


@pytest.mark.parametrize("more", [None, 0, "false", "no", 1])
def test_only_a_plain_false_ends_a_list_before_an_empty_page(more: object) -> None:
    pages = Scripted(lambda number: page(number, more=more) if number < 3 else page(more=more))
    assert listed(pages) == [1, 2]


def test_a_list_that_never_ends_is_no_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(revio, "MOST_PAGES", 5)
    pages = Scripted(lambda number: page(number, more=True))
    with pytest.raises(RevioRetryable, match="goes on after 5 pages"):
        listed(pages)
    assert len(pages.asked) == 5


@pytest.mark.parametrize("record", [None, 5, "x", [], {}, *({"service_id": one} for one in (None, True, 0, -1, 1.5))])
def test_a_record_that_is_none_is_left_out_and_said(record: object, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        found = listed(Scripted(lambda _: {"ok": True, "has_more": False, "records": [record, {"service_id": 9}]}))
    assert found == [9]
    assert "1 records without a service_id" in caplog.text


@pytest.mark.parametrize("answer", [{"ok": True}, {"records": None}, {"records": {}}, {"records": "x"}])
def test_an_answer_without_records_is_worth_another_try(answer: object) -> None:
    with pytest.raises(RevioRetryable, match="without records"):
        listed(Scripted(lambda _: answer))


def test_ids_and_numbers_are_understood_in_either_type() -> None:
    record = {"service_id": "12", "customer_id": "4711", "number": 15551234567, "number2": " ", "created_date": 5}
    found = list(client(Scripted(lambda _: page(records=[record]))).lines())
    assert found == [Line(12, 4711, "15551234567", None, None, None)]


def test_products_of_other_lines_and_ended_ones_are_left_out() -> None:
    def addition(number: object, **also: object) -> dict[str, object]:
        return {"service_product_id": number, "product_id": 7, "service_id": 5, "status": "ACTIVE"} | also

    records = [
        addition(1),
        addition(1),
        addition(2, service_id=6),
        addition(3, status="DISCONNECTED"),
        addition(4, status="denied"),
        addition(5, product_id=None),
        addition(None),
        addition(6, status="PENDING"),
    ]
    found = list(client(Scripted(lambda _: page(records=records))).products(5))
    assert found == [Product(1, 7, "ACTIVE"), Product(6, 7, "PENDING")]


def test_credentials_are_fine_when_the_status_says_so() -> None:
    client(Scripted(lambda _: "anything")).check_credentials()


@settings(max_examples=60)
@given(some.text() | some.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z", fullmatch=True))
def test_no_text_for_a_date_is_an_accident(text: str) -> None:
    found = parse_moment(text)
    assert found is None or isinstance(found, datetime)


JSON = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats(allow_nan=False) | some.text(max_size=5),
    lambda inner: (
        some.lists(inner, max_size=4)
        | some.dictionaries(
            some.sampled_from(
                ["ok", "id", "records", "has_more", "service_id", "customer_id", "number", "created_date", "error"]
            ),
            inner,
            max_size=5,
        )
    ),
)


@settings(max_examples=60)
@given(JSON, some.sampled_from([200, 201, 302, 400, 401, 403, 429, 500, 999]))
def test_no_answer_is_an_accident(answer: object, status: int) -> None:
    for call in (lambda one: one.create_line({}), lambda one: list(one.lines()), lambda one: list(one.products(1))):
        with suppress(RevioError):
            call(client(Scripted(lambda _: answer, status)))


class Hooks:
    def __init__(self) -> None:
        self.before = 0
        self.after: list[RevioError | None] = []

    def count(self) -> None:
        self.before += 1


def test_the_hooks_see_each_request_and_a_create_takes_its_slot_elsewhere() -> None:
    hooks = Hooks()
    pages = Scripted(lambda number: page(number, more=number < 3, id=11))
    one = client(pages, before_call=hooks.count, after_call=hooks.after.append)
    list(one.lines())
    assert (hooks.before, hooks.after) == (3, [None] * 3)
    one.check_credentials()
    list(one.products(1))
    one.call("DELETE", "/v1/Services", {})
    assert hooks.before == 6
    one.create_line({})
    one.create_product({})
    assert (hooks.before, hooks.after) == (6, [None] * 8)


@pytest.mark.parametrize(
    ("answer", "status", "error"),
    [
        ({}, 400, RevioRejected),
        ({}, 500, RevioOutcomeUnknown),
        ({"id": "11"}, 201, RevioOutcomeUnknown),
        (NoAnswer("refused", sent=False), 0, RevioRetryable),
        (NoAnswer("late", sent=True), 0, RevioOutcomeUnknown),
    ],
)
def test_the_hook_after_a_call_is_told_its_error(answer: object, status: int, error: type[RevioError]) -> None:
    hooks = Hooks()
    with pytest.raises(error) as failed:
        client(Scripted(lambda _: answer, status), after_call=hooks.after.append).create_line({})
    assert hooks.after == [failed.value]


def test_the_hook_after_a_list_is_told_that_it_had_no_records() -> None:
    hooks = Hooks()
    with pytest.raises(RevioRetryable) as failed:
        list(client(Scripted(lambda _: {"ok": True}), after_call=hooks.after.append).lines())
    assert hooks.after == [failed.value]


def test_a_hook_that_says_no_ends_the_call_unsent() -> None:
    def no() -> None:
        raise RevioRetryable("the breaker is open")

    hooks, pages = Hooks(), Scripted(lambda _: page(1))
    with pytest.raises(RevioRetryable, match="the breaker is open"):
        list(client(pages, before_call=no, after_call=hooks.after.append).lines())
    assert (pages.asked, hooks.after) == ([], [])


def test_a_hook_that_fails_costs_no_line_its_id(caplog: pytest.LogCaptureFixture) -> None:
    def broken(error: RevioError | None) -> None:
        raise ZeroDivisionError

    assert client(Scripted(lambda _: {"id": 11}, 201), after_call=broken).create_line({}) == 11
    assert "went wrong" in caplog.text
