"""Dead letters: why each is there, that nothing is deleted unseen, and that a run that dies or comes twice does no harm."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from device_association.maintenance import dead_letters
from device_association.maintenance.dead_letters import look, redrive
from device_association.messaging.messages import Message, read_message
from local.sample_data import groups
from tests.flow import NOW, Flow, request
from tests.letters import Letters
from tests.outcomes import findings

PLAIN = groups().plain
WITHOUT_LINE = {"CreateRevService": False, "ServiceTypeId": None, "ProviderId": None}


def body(change_id: int, retry: int = 0) -> str:
    return json.dumps({"BulkChangeId": change_id, "RetryNumber": retry})


def asked(flow: Flow, *devices: str) -> int:
    return flow.create(request(devices or PLAIN[:1], **WITHOUT_LINE)).change_id


def one_of_each(flow: Flow, queue: Letters) -> dict[str, str]:
    """Put a message of every cause into the queue; return their ids."""
    ended = flow.run(request(PLAIN[1:2], **WITHOUT_LINE)).bulk_change_id
    fresh = asked(flow)
    theirs = flow.all("dbo", "devicebulkchange")[0]["id"]
    return {
        "OPEN": queue.add(body(fresh)),
        "ENDED": queue.add(body(ended)),
        "UNKNOWN_RETRY": queue.add(body(fresh, 7)),
        "NO_SUCH_CHANGE": queue.add(body(10**9)),
        "OTHER_TYPE": queue.add(body(theirs)),
        "UNREADABLE": queue.add("caf\u00e9 \x00 'quoted' \\\n{"),
    }


def kept(flow: Flow) -> dict[str, dict[str, Any]]:
    return {one["messageid"]: dict(one) for one in flow.all("device_association", "dead_letter")}


def test_a_look_says_why_each_message_is_there_and_leaves_it_there(flow: Flow) -> None:
    queue = Letters()
    ids = one_of_each(flow, queue)
    for _ in range(2):
        assert look(flow.portal, queue, now=NOW) == dict.fromkeys(ids, 1)
        assert (set(queue.kept), queue.hidden, queue.main) == (set(ids.values()), set(), [])
    rows = kept(flow)
    assert {one["cause"]: key for key, one in rows.items()} == ids
    assert {one["state"] for one in rows.values()} == {"FOUND"}
    assert rows[ids["NO_SUCH_CHANGE"]]["detail"] == "there is no bulk change 1000000000"
    assert rows[ids["UNREADABLE"]]["body"] == "caf\u00e9 \ufffd 'quoted' \\\n{"
    assert rows[ids["OPEN"]]["sentdate"] is not None


def test_the_good_ones_are_put_back_and_the_rest_is_set_aside_with_who_did_it(flow: Flow) -> None:
    queue = Letters()
    ids = one_of_each(flow, queue)
    assert redrive(flow.portal, queue, actor="dora.ops", now=NOW) == {"redriven": 1, "quarantined": 5}
    assert (queue.kept, [one["MessageId"] for one in queue.main]) == ({}, [ids["OPEN"]])
    for cause, key in ids.items():
        row = kept(flow)[key]
        assert (row["state"], row["decidedby"]) == ("REDRIVEN" if cause == "OPEN" else "QUARANTINED", "dora.ops")
    assert redrive(flow.portal, queue, actor="dora.ops", now=NOW) == {}


def test_what_is_put_back_says_the_same_also_where_only_its_attributes_do(flow: Flow) -> None:
    queue, change_id = Letters(), asked(flow)
    said = {"BulkChangeId": {"StringValue": str(change_id), "DataType": "String"}}
    queue.add("see attributes", MessageAttributes=said)
    assert redrive(flow.portal, queue, actor="dora.ops", now=NOW) == {"redriven": 1}
    assert read_message(queue.main[0]) == Message(change_id, 0)
    assert json.loads(next(iter(kept(flow).values()))["attributes"]) == said


def test_only_the_named_ones_are_decided_and_one_that_is_not_there_is_answered(
    flow: Flow, caplog: pytest.LogCaptureFixture
) -> None:
    queue = Letters()
    first, second = queue.add("garbage"), queue.add("more garbage")
    done = redrive(flow.portal, queue, actor="dora.ops", only=[first, "nobody-1"], now=NOW)
    assert done == {"quarantined": 1, "left": 1, "not_there": 1}
    assert (set(queue.kept), queue.hidden) == ({second}, set())
    assert redrive(flow.portal, queue, actor="carl", only=[first], now=NOW) == {"not_there": 1, "left": 1}
    said = " ".join(one.getMessage() for one in caplog.records)
    assert "nobody-1: the dead-letter queue has no such message, and none was ever found" in said
    assert f"{first}: QUARANTINED on 2026-11-24 12:00 UTC by dora.ops" in said


@pytest.mark.parametrize("at", ["receive", "put_back", "was_put_back", "delete"])
def test_a_run_that_dies_anywhere_loses_nothing_and_the_next_one_finishes(flow: Flow, at: str) -> None:
    queue = Letters()
    good, bad = queue.add(body(asked(flow))), queue.add("garbage")

    def die(call: str) -> None:
        if call == at:
            raise KeyboardInterrupt

    queue.before = die
    with pytest.raises(KeyboardInterrupt):
        redrive(flow.portal, queue, actor="dora.ops", now=NOW)
    assert set(queue.kept) == {good, bad}
    queue.before, queue.hidden = lambda _: None, set()
    done = redrive(flow.portal, queue, actor="carl", now=NOW)
    assert done == {"redriven": 1, "quarantined": 1}
    assert (queue.kept, len(queue.main)) == ({}, 2 if at == "was_put_back" else 1)
    assert kept(flow)[good]["decidedby"] == ("dora.ops" if at == "delete" else "carl")


def test_two_runs_at_once_decide_each_message_once(flow: Flow) -> None:
    queue = Letters()
    for number in range(10):
        queue.add(f"garbage {number}")
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda who: redrive(flow.portal, queue, actor=who, now=NOW), ["a", "b", "c"]))
    assert (queue.kept, len(kept(flow))) == ({}, 10)
    assert {one["state"] for one in kept(flow).values()} == {"QUARANTINED"}


def test_what_left_the_queue_without_us_is_told_and_counts_again_when_it_comes_back(flow: Flow) -> None:
    queue = Letters()
    message_id = queue.add("garbage")
    look(flow.portal, queue, now=NOW)
    taken = queue.kept.pop(message_id)
    look(flow.portal, queue, now=NOW + timedelta(minutes=59))
    assert kept(flow)[message_id]["state"] == "FOUND"
    look(flow.portal, queue, now=NOW + timedelta(minutes=61))
    assert kept(flow)[message_id]["state"] == "GONE"
    queue.kept[message_id] = taken
    look(flow.portal, queue, now=NOW + timedelta(minutes=62))
    assert kept(flow)[message_id]["state"] == "FOUND"


def test_what_was_a_retry_from_the_future_is_good_once_the_change_has_caught_up(flow: Flow) -> None:
    queue = Letters()
    change_id = asked(flow)
    message_id = queue.add(body(change_id, 1))
    look(flow.portal, queue, now=NOW)
    claim = flow.open(change_id, "run")
    flow.close(claim, ["open_bulk_change"])
    assert kept(flow)[message_id]["cause"] == "UNKNOWN_RETRY"
    queue.add(body(change_id))
    assert look(flow.portal, queue, now=NOW) == {"UNKNOWN_RETRY": 1, "ENDED": 1}


def test_one_run_takes_no_more_than_it_may(flow: Flow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dead_letters, "MAX_MESSAGES", 3)
    queue = Letters()
    for number in range(6):
        queue.add(f"garbage {number}")
    assert sum(redrive(flow.portal, queue, actor="dora.ops", now=NOW).values()) == 4
    assert sum(redrive(flow.portal, queue, actor="dora.ops", now=NOW).values()) == 2


@pytest.mark.parametrize("call", ["put_back", "was_put_back", "delete"])
def test_a_message_that_cannot_be_redriven_stays_and_keeps_no_other(flow: Flow, call: str) -> None:
    queue = Letters()
    good = [queue.add(body(asked(flow, one))) for one in PLAIN[:3]]
    left = iter([ConnectionError("refused")])

    def fail_once(now_called: str) -> None:
        problem = next(left, None) if now_called == call else None
        if problem:
            raise problem

    queue.before = fail_once
    assert redrive(flow.portal, queue, actor="dora.ops", now=NOW) == {"redriven": 2, "failed": 1}
    assert (set(queue.kept), queue.hidden) == ({good[0]}, set())
    assert findings(flow) == [("WORK_FAILED", f"redrive dead letters: message {good[0]}")]
    later = NOW + timedelta(minutes=2)
    look(flow.portal, queue, now=later)
    assert len(findings(flow)) == 1, "it is still there"
    assert redrive(flow.portal, queue, actor="dora.ops", only=good, now=later) == {"redriven": 1, "not_there": 2}
    assert (queue.kept, findings(flow)) == ({}, [])


def test_a_message_that_left_the_queue_by_itself_is_no_finding_any_more(flow: Flow) -> None:
    queue = Letters()
    message_id = queue.add("garbage")

    def fail(call: str) -> None:
        if call == "delete":
            raise ConnectionError("refused")

    queue.before = fail
    redrive(flow.portal, queue, actor="dora.ops", now=NOW)
    look(flow.portal, queue, now=NOW + timedelta(hours=2))
    assert len(findings(flow)) == 1
    queue.kept.pop(message_id)
    look(flow.portal, queue, now=NOW + timedelta(hours=4))
    assert findings(flow) == []
