"""Lists that lie: pages that repeat, counts that are wrong, records that are none; and the hooks around each call."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from device_association.domain.errors import (
    ConfigurationError,
    RecordUnreadable,
    RevioError,
    RevioOutcomeUnknown,
    RevioRejected,
    RevioRetryable,
)
from device_association.revio import pages as revio_pages
from device_association.revio.accounts import Account
from device_association.revio.client import Product, RevioClient
from device_association.revio.lines import Line
from device_association.revio.no_answer import NoAnswer
from device_association.revio.responses import parse_moment
from device_association.revio.transport import Answer

ACCOUNT = Account("revio", "https://restapi.example", "a@b", "p", "k")
TODAY = datetime(2026, 11, 24, tzinfo=UTC)


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
    return RevioClient(ACCOUNT, transport=transport, clock=lambda: TODAY, **hooks)


def page(*ids: object, more: object = False, **also: object) -> dict[str, object]:
    return {"ok": True, "has_more": more, "record_count": 7, "records": [{"service_id": one} for one in ids]} | also


def listed(transport: Scripted) -> list[int | None]:
    return [line.service_id for line in client(transport).lines(customer_id=1)]


class Passes(Scripted):
    """Gives the pages of one pass after the other; a pass begins with page 1."""

    def __init__(self, *passes: list[dict[str, object]]) -> None:
        super().__init__(lambda number: passes[min(self.begun, len(passes)) - 1][number - 1])
        self.begun = 0

    def send(self, method: str, path: str, query: Mapping[str, object], body: object = None) -> Answer:
        self.begun += query["page"] == 1
        return super().send(method, path, query, body)


def dated(service_id: int, day: int) -> dict[str, object]:
    return {"service_id": service_id, "created_date": f"2026-11-{day:02}T00:00:00"}


def test_pages_are_asked_for_until_there_is_no_more() -> None:
    pages = Scripted(lambda number: page(number * 2, number * 2 + 1, more=number < 3))
    assert listed(pages) == [2, 3, 4, 5, 6, 7]
    assert [one["page"] for one in pages.asked] == [1, 2, 3] * 2
    assert {one["page_size"] for one in pages.asked} == {500}


def test_one_page_is_read_once() -> None:
    pages = Scripted(lambda _: page(1, 2))
    assert listed(pages) == [1, 2]
    assert len(pages.asked) == 1


@pytest.mark.parametrize(
    "pages",
    [
        [page(1, 2, more=True), page(1, 2, more=True), page(5)],
        [page(1, 2, more=True), page(1, 2)],
    ],
)
def test_a_page_that_repeats_in_each_pass_proves_nothing(pages: list[dict[str, object]]) -> None:
    """What should have stood there was never shown."""
    assert not client(Scripted(lambda number: pages[number - 1])).lines(customer_id=1).is_stable


def test_a_page_that_repeats_once_is_read_again() -> None:
    good = [page(1, 2, more=True), page(3, 4, more=True), page(5)]
    found = client(Passes([good[0], good[0], good[2]], good, good)).lines(customer_id=1)
    assert (found.is_stable, [line.service_id for line in found]) == (True, [1, 2, 5, 3, 4])


def test_a_line_that_slips_between_two_pages_is_seen_by_the_next_pass() -> None:
    first = [page(1, 2, more=True), page(4)]  # line 1 left page 1, so line 3 moved to it after it was read
    after = [page(2, 3, more=True), page(4)]
    pages = Passes(first, after, after)
    found = client(pages).lines(customer_id=1)
    assert {line.service_id for line in found} == {1, 2, 3, 4}
    assert (found.is_stable, pages.begun) == (True, 3)


def test_a_list_that_shifts_in_each_pass_is_not_stable() -> None:
    passes = [[page(number, more=True), page(number + 10)] for number in range(1, 6)]
    pages = Passes(*passes)
    found = client(pages).lines(customer_id=1)
    assert {line.service_id for line in found} == {1, 2, 3, 4, 11, 12, 13, 14}
    assert (found.is_stable, pages.begun) == (False, 4)


def test_lines_that_are_created_while_a_list_is_read_do_not_make_it_unstable() -> None:
    def records(*dates: tuple[int, int]) -> list[dict[str, object]]:
        return [page(more=True, records=[dated(1, 1)]), page(records=[dated(*one) for one in dates])]

    pages = Passes(records((2, 20)), records((2, 20), (3, 21)))
    assert (len(client(pages).lines().lines), pages.begun) == (3, 2)
    pages = Passes(records((2, 20)), records((2, 20), (3, 2)), records((2, 20), (3, 2)))
    assert (len(client(pages).lines().lines), pages.begun) == (3, 3)


def test_a_date_that_cannot_be_true_makes_no_list_unstable_and_lets_no_line_slip() -> None:
    def pages(*dates: str) -> list[dict[str, object]]:
        records = [{"service_id": number, "created_date": date} for number, date in enumerate(dates, start=1)]
        return [page(more=True, records=records[:1]), page(records=records[1:])]

    def passes(*shown: list[dict[str, object]]) -> int:
        scripted = Passes(*shown)
        found = client(scripted).lines()
        assert found.is_stable
        return scripted.begun

    absurd, today, old = "2099-01-01T00:00:00", "2026-11-24T00:00:00", "2026-11-02T00:00:00"
    assert passes(pages(absurd, old), pages(absurd, old, today)) == 2, "the third line was created since"
    assert passes(*[pages(old, old), *[pages(old, old, absurd)] * 2]) == 3, "nobody knows that of one dated in 2099"


def test_an_empty_page_is_the_last_whatever_it_says() -> None:
    pages = Scripted(lambda number: page(1, more=True) if number == 1 else page(more=True))
    assert listed(pages) == [1]
    assert [one["page"] for one in pages.asked] == [1, 2] * 2


def test_a_page_that_repeats_is_not_the_last_while_more_is_promised() -> None:
    pages = Scripted(lambda number: [page(1, more=True), page(1, more=True), page(2)][number - 1])
    assert listed(pages) == [1, 2]


def test_a_list_that_repeats_for_ever_is_not_trusted() -> None:
    pages = Scripted(lambda _: page(1, 2, more=True))
    with pytest.raises(RevioRetryable, match="without an end after 6 pages"):
        listed(pages)


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


def test_a_list_that_never_ends_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(revio_pages, "MAX_PAGES", 5)
    pages = Scripted(lambda number: page(number, more=True))
    with pytest.raises(RevioRetryable, match="without an end after 5 pages"):
        listed(pages)
    assert len(pages.asked) == 5


@pytest.mark.parametrize("record", [None, 5, "x", [], {}])
def test_a_record_that_is_empty_is_left_out_and_logged(record: object, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        found = listed(Scripted(lambda _: {"ok": True, "has_more": False, "records": [record, {"service_id": 9}]}))
    assert found == [9]
    assert "1 empty records" in caplog.text


@pytest.mark.parametrize("service_id", [None, True, 0, -1, 1.5, 2**31, "4_711"])
def test_a_record_without_an_id_that_can_be_read_is_kept_for_its_numbers(service_id: object) -> None:
    record = {"service_id": service_id, "customer_id": 1, "number2": "8914800000000000012"}
    (line,) = client(Scripted(lambda _: page(records=[record]))).lines()
    assert (line.service_id, line.number2, line.flaw()) == (None, record["number2"], "its service_id cannot be read")


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
        addition(None, status="disconnected "),
        addition(None, service_id=6),
        addition(6, status="PENDING"),
        addition(7.0, product_id="8"),
    ]
    found = list(client(Scripted(lambda _: page(records=records))).products(5))
    assert found == [Product(1, 7, "ACTIVE"), Product(6, 7, "PENDING"), Product(7, 8, "ACTIVE")]


@pytest.mark.parametrize("name", ["service_product_id", "product_id", "service_id"])
@pytest.mark.parametrize("value", [None, "", "x", 0, 7.5, float("inf"), float("nan"), 2**31, True, "7" * 5000])
def test_a_product_that_cannot_be_judged_is_never_passed_over(name: str, value: object) -> None:
    record = {"service_product_id": 9, "product_id": 7, "service_id": 5, "status": "ACTIVE", name: value}
    with pytest.raises(RecordUnreadable, match=f"a product of line 5 is listed with {name}") as problem:
        list(client(Scripted(lambda _: page(records=[record]))).products(5))
    assert len(str(problem.value)) < 300


class Additions(Scripted):
    """Lists the products of lines, in pages of two; a filter on a line works unless `filtered` says what it shows."""

    def __init__(self, *lines: int, filtered: list[int] | None = None, shifts: int = 0) -> None:
        super().__init__(lambda _: None)
        self.lines, self.filtered, self.shifts = list(lines), filtered, shifts

    def send(self, method: str, path: str, query: Mapping[str, object], body: object = None) -> Answer:
        self.asked.append(query)
        if self.shifts and query["page"] == 2:  # one leaves page 1 while page 2 is asked for
            self.shifts -= 1
            self.lines.pop(0)
        shown = [(1000 + place, line) for place, line in enumerate(self.lines)]
        if "service_id" in query:
            wanted = [query["service_id"]] if self.filtered is None else self.filtered
            shown = [one for one in shown if one[1] in wanted]
        number = int(str(query["page"]))
        records = [{"service_product_id": one, "product_id": 7, "service_id": line} for one, line in shown]
        part = records[2 * number - 2 : 2 * number]
        return Answer(200, {}, json.dumps(page(records=part, more=len(records) > 2 * number)).encode())


def test_a_line_without_products_is_believed_once_the_filter_has_found_those_of_another() -> None:
    additions = Additions(8, 8, 9)
    one = client(additions)
    assert (one.products(5), one.products(6)) == ([], [])
    assert [query.get("service_id") for query in additions.asked] == [5, None, 8, 6]


def test_a_filter_that_finds_no_product_of_any_line_proves_nothing() -> None:
    with pytest.raises(RecordUnreadable, match="no product of line 5 is listed, nor is one of a line that has one"):
        client(Additions(5, 8, filtered=[])).products(5)


def test_an_account_without_any_product_is_asked_again_once_it_may_have_one() -> None:
    additions = Additions(filtered=[])
    one = client(additions)
    assert one.products(5) == []
    additions.lines.append(5)
    with pytest.raises(RecordUnreadable):
        one.products(5)


def test_a_product_that_shifts_to_a_page_that_was_read_is_seen_in_another_pass() -> None:
    everything = [*range(8, 12), 5]
    found = client(Additions(8, 9, 5, 10, 11, filtered=everything, shifts=1)).products(5)
    assert [product.product_id for product in found] == [7]


def test_a_list_of_products_that_shifts_in_each_pass_proves_nothing() -> None:
    everything = list(range(5, 99))
    with pytest.raises(RecordUnreadable, match="the list of products of line 5 shifts each time that it is read"):
        client(Additions(*range(8, 40), filtered=everything, shifts=99)).products(5)


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
    assert (hooks.before, hooks.after) == (6, [None] * 6)
    one.check_credentials()
    list(one.products(9))
    one.call("DELETE", "/v1/Services", {})
    before = hooks.before
    assert before == len(hooks.after) > 8
    one.create_line({})
    one.create_product({})
    assert (hooks.before, len(hooks.after)) == (before, before + 2)


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
    def broken(_: RevioError | None) -> None:
        raise ZeroDivisionError

    assert client(Scripted(lambda _: {"id": 11}, 201), after_call=broken).create_line({}) == 11
    assert "went wrong" in caplog.text


@pytest.mark.parametrize(
    ("zone", "written", "instant"),
    [
        ("UTC", "2026-11-24T00:00:00", "2026-11-24T00:00:00+00:00"),
        ("Pacific/Auckland", "2026-11-25T01:00:00", "2026-11-24T12:00:00+00:00"),
        ("Pacific/Auckland", "2026-06-25T00:00:00", "2026-06-24T12:00:00+00:00"),
        ("Pacific/Honolulu", "2026-11-24T02:00:00.25", "2026-11-24T12:00:00.250000+00:00"),
        ("Pacific/Honolulu", "2026-11-24", "2026-11-24T10:00:00+00:00"),
        ("Pacific/Auckland", "2026-11-24T12:00:00Z", "2026-11-24T12:00:00+00:00"),
        ("Pacific/Auckland", "2026-11-24T12:00:00-05:00", "2026-11-24T17:00:00+00:00"),
        ("Pacific/Auckland", "0001-01-01T00:00:00", None),
        ("Pacific/Auckland", "9999-12-31T23:59:59", None),
        ("Pacific/Honolulu", "9999-12-31", None),
        ("Pacific/Auckland", "9998-12-31T23:59:59", "9998-12-31T10:59:59+00:00"),
    ],
)
def test_a_date_without_a_zone_is_in_the_account_s(zone: str, written: str, instant: str | None) -> None:
    record = {"service_id": 7, "customer_id": 1, "created_date": written, "disconnected_date": written}
    whole = json.dumps({"ok": True, "records": [record], "has_more": False}).encode()
    one = json.dumps({"ok": True, **record}).encode()
    expected = None if instant is None else datetime.fromisoformat(instant)
    for body, read in ((whole, lambda c: next(iter(c.lines()))), (one, lambda c: c.line(7))):
        wire: Any = SimpleNamespace(send=lambda *_, body=body: Answer(200, {}, body))
        account = Account("revio", "https://x", "a@b", "p", "k", time_zone=zone)
        line = read(RevioClient(account, transport=wire))
        assert (line.created, line.disconnected) == (expected, expected)


@pytest.mark.parametrize("zone", ["Auckland", "", "../etc/passwd", "UTC\0", 5, None, "x" * 500])
def test_a_zone_that_there_is_not_is_refused_with_connection_and_value(zone: Any) -> None:
    with pytest.raises(ConfigurationError) as refused:
        Account("revio_far", "https://x", "a@b", "p", "k", time_zone=zone)
    assert "connection revio_far: the extra 'time_zone' is" in str(refused.value)
    assert repr(zone) in str(refused.value)
