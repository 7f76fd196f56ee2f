"""The live view: events whose counts add up, resumed where they broke off, in a bounded number of streams."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from sqlalchemy import Engine, text

from device_association.portal.progress import ProgressCache
from device_association_airflow.api.routes import events
from device_association_airflow.api.routes.events import Streams, follow
from device_association_airflow.ui.app import portal_app
from local.sample_data import groups
from tests.flow import Flow, request
from tests.portal_client import TOKEN, Portal

PLAIN = groups().plain


@pytest.fixture
def streams(api: Portal) -> Streams:
    """Give the streams of the test's own process, without a wait between two looks."""
    events._limiter.cache_clear()  # noqa: SLF001 -- it belongs to the event loop of the test before
    opened = Streams(ProgressCache(api.engine, good_for=0), seconds_per_look=0)
    portal_app.dependency_overrides[events.open_streams] = lambda: opened
    return opened


def told(text: str) -> list[dict[str, Any]]:
    return [json.loads(line.removeprefix("data: ")) for line in text.splitlines() if line.startswith("data: ")]


def ids(text: str) -> list[str]:
    return [line.removeprefix("id: ") for line in text.splitlines() if line.startswith("id: ")]


def test_an_ended_change_is_told_once_and_its_stream_ends(api: Portal, flow: Flow, streams: Streams) -> None:
    change_id = flow.run(request([*PLAIN[:3], groups().archived[0]])).bulk_change_id
    answer = api.get(f"/BulkChanges/{change_id}/events")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    (event,) = told(answer.text)
    assert (event["Status"], event["Counts"]["PROCESSED"], event["Counts"]["ERROR"]) == ("PARTIALLY_PROCESSED", 3, 1)
    assert event["Counts"]["TOTAL"] == 4
    (number,) = ids(answer.text)
    again = api.get(f"/BulkChanges/{change_id}/events", headers={"Last-Event-ID": number})
    assert (again.status_code, again.text) == (204, "")
    assert streams.count == 0


def test_every_step_is_told_as_it_comes_and_the_counts_always_add_up(flow: Flow, streams: Streams) -> None:
    change_id = flow.create(request(PLAIN[:3])).change_id

    async def watch() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        steps = work()
        async for sent in follow(streams, change_id, None):
            if told(sent.decode()):
                found += told(sent.decode())
                next(steps, None)
        return found

    def work() -> Any:
        claim = flow.open(change_id)
        yield
        flow.check(claim)
        yield
        flow.lines(claim)
        flow.associate(claim)
        yield
        flow.close(claim)
        yield

    found = asyncio.run(watch())
    statuses = [one["Status"] for one in found]
    assert (statuses[0], statuses[-1]) == ("NEW", "PROCESSED")
    assert len(found) >= 4
    for one in found:
        counts = dict(one["Counts"])
        assert counts.pop("TOTAL") == sum(counts.values()) == 3


def test_who_comes_back_is_told_what_changed_since_and_nothing_twice(flow: Flow, streams: Streams) -> None:
    change_id = flow.create(request(PLAIN[:3])).change_id

    async def first_event(last: str | None) -> str:
        async for sent in follow(streams, change_id, last):
            if ids(sent.decode()):
                return sent.decode()
        return ""

    async def resume() -> tuple[str, str]:
        begun = await first_event(None)
        streams.longest_seconds = 0.2
        quiet = await first_event(ids(begun)[0])
        flow.open(change_id)
        return quiet, await first_event(ids(begun)[0])

    quiet, changed = asyncio.run(resume())
    assert quiet == ""
    assert told(changed)[0]["Status"] == "PROCESSING"


def test_a_stream_too_many_is_refused_and_one_that_ended_leaves_its_place(
    api: Portal, flow: Flow, streams: Streams
) -> None:
    change_id = flow.run(request(PLAIN[:1])).bulk_change_id
    streams.most = 1
    for _ in range(3):
        assert api.get(f"/BulkChanges/{change_id}/events").status_code == 200
    streams.open()
    refused = api.get(f"/BulkChanges/{change_id}/events")
    assert (refused.status_code, refused.json()["Errors"][0]["Code"]) == (429, "TOO_MANY_STREAMS")


def test_many_who_watch_one_change_read_it_once(flow: Flow, portal: Engine) -> None:
    change_id = flow.create(request(PLAIN[:1])).change_id
    now = [0.0]
    cache = ProgressCache(portal, good_for=1.0, clock=lambda: now[0])
    first = cache.read(change_id)
    flow.open(change_id)
    assert cache.read(change_id) is first
    now[0] = 1.0
    assert cache.read(change_id).status == "PROCESSING"


def test_a_change_that_waits_for_approval_has_not_ended_for_who_watches_it(flow: Flow, portal: Engine) -> None:
    change_id = flow.create(request(PLAIN[:1])).change_id
    with portal.begin() as connection:
        connection.execute(
            text("UPDATE dbo.DeviceBulkChange SET Status = 'PENDING_APPROVAL' WHERE id = :id"), {"id": change_id}
        )
    assert not ProgressCache(portal, good_for=3600).read(change_id).has_ended


def test_who_watches_a_retry_is_not_told_the_end_before_it(flow: Flow, portal: Engine) -> None:
    change_id = flow.run(request(PLAIN[:1])).bulk_change_id
    cache = ProgressCache(portal, good_for=3600)
    assert cache.read(change_id).has_ended
    with portal.begin() as connection:
        connection.execute(
            text("UPDATE dbo.DeviceBulkChange SET Status = 'NEW', ProcessedDate = NULL WHERE id = :id"),
            {"id": change_id},
        )
    assert not cache.read(change_id).has_ended


def test_a_change_that_is_not_the_caller_s_has_no_stream(api: Portal, flow: Flow, streams: Streams) -> None:
    change_id = flow.create(request(PLAIN[:1])).change_id
    assert api.get(f"/BulkChanges/{change_id}/events", "olga.other").status_code == 404
    assert streams.count == 0


def test_a_reader_who_goes_away_leaves_the_place(flow: Flow, streams: Streams) -> None:
    change_id = flow.create(request(PLAIN[:1])).change_id
    path = f"/BulkChanges/{change_id}/events"
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"authorization", f"{TOKEN}dora.ops".encode())],
        "server": ("testserver", 80),
    }

    async def read_one_event_and_go() -> tuple[str, int]:
        told_something, text, most = asyncio.Event(), "", 0

        async def receive() -> dict[str, Any]:
            await told_something.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            nonlocal text, most
            text += message.get("body", b"").decode()
            most = max(most, streams.count)
            if told(text):
                told_something.set()

        await asyncio.wait_for(portal_app(scope, receive, send), timeout=30)
        return text, most

    text, most = asyncio.run(read_one_event_and_go())
    assert told(text)[0]["Status"] == "NEW"
    assert (most, streams.count) == (1, 0)
