"""The parts of a run that need no stack: history, patience, signals, and the messages that are sent again."""

from __future__ import annotations

import json
import random
import signal
import threading
from pathlib import Path

import pytest

from chaos.actors.generator import forms_of_a_message
from chaos.records.history import History, read_history
from chaos.run import ends_on_signals
from chaos.scene.portal import NoAnswerError, persist
from chaos.scene.site import customer_of


def test_an_event_is_on_disk_before_its_writer_goes_on(tmp_path: Path) -> None:
    history = History(tmp_path / "history.jsonl")
    for number in range(3):
        noted = history.note("asked", "ask", n=number)
        assert read_history(tmp_path / "history.jsonl")[-1] == noted
    assert read_history(tmp_path / "history.jsonl") == history.events


def test_what_fails_is_tried_again_until_it_is_answered() -> None:
    failures = [ConnectionError(), ConnectionError()]

    def attempt() -> str:
        if failures:
            raise failures.pop()
        return "answered"

    assert persist(attempt, ConnectionError, over=threading.Event(), pause=0) == "answered"


def test_nobody_waits_for_an_answer_once_the_run_is_over() -> None:
    over = threading.Event()
    over.set()

    def attempt() -> str:
        raise ConnectionError("down")

    with pytest.raises(NoAnswerError, match="ConnectionError: down"):
        persist(attempt, ConnectionError, over=over)


def test_sigterm_ends_a_run_as_ctrl_c_does() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with ends_on_signals(), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_message_says_its_change_in_body_or_attributes() -> None:
    chance = random.Random(1)
    for _ in range(20):
        body, attributes = forms_of_a_message(7, 2, chance)
        said = attributes or {name: str(value) for name, value in json.loads(body).items()}
        assert said == {"BulkChangeId": "7", "RetryNumber": "2"}


def test_a_schedule_s_customers_are_those_of_the_sample_world() -> None:
    assert [customer_of(one)[:2] for one in ("4711", "4716 of 2", "4715")] == [("4711", 1), ("4716", 2), ("4715", None)]
