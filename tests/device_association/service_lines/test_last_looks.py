"""Calls that are sent at the same time share one look at the database, and none uses a look that was begun before it came."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from threading import Event
from typing import Any

import pytest

from device_association.service_lines.context import LastLooks

THEN = datetime(2026, 11, 30, tzinfo=UTC)


class Question:
    """Answers with how often it was asked; the first asking waits until it may go on."""

    def __init__(self, problem: Exception | None = None) -> None:
        self.problem, self.asked, self.is_asked, self.may_go_on = problem, 0, Event(), Event()

    def __call__(self) -> tuple[bool, datetime]:
        self.asked += 1
        self.is_asked.set()
        assert self.may_go_on.wait(30)
        if self.problem:
            raise self.problem
        return False, THEN.replace(microsecond=self.asked)


@contextmanager
def asking(question: Question, others: int) -> Iterator[list[Future[Any]]]:
    """Let one thread ask, and so many others come while it does; the first of the answers is its own."""
    looks = LastLooks()
    with ThreadPoolExecutor(others + 1) as threads, ExitStack() as at_end:
        at_end.callback(question.may_go_on.set)
        asked = [threads.submit(looks.ask, question)]
        assert question.is_asked.wait(30)
        asked += [threads.submit(looks.ask, question) for _ in range(others)]
        time.sleep(0.3)  # by now they wait for its answer
        yield asked


def test_who_comes_while_another_looks_gets_a_later_look_and_shares_it() -> None:
    question = Question()
    with asking(question, 7) as asked:
        question.may_go_on.set()
        first, *later = (one.result(30)[1].microsecond for one in asked)
    assert first == 1
    assert min(later) >= 2
    assert question.asked < 8


def test_a_look_that_fails_fails_for_all_who_waited_for_it() -> None:
    question = Question(RuntimeError("the database is away"))
    with asking(question, 7) as asked:
        question.may_go_on.set()
        for one in asked:
            with pytest.raises(RuntimeError, match="the database is away"):
                one.result(30)
    assert question.asked < 8


def test_each_who_comes_later_looks_anew() -> None:
    question, looks = Question(), LastLooks()
    question.may_go_on.set()
    assert [looks.ask(question)[1].microsecond for _ in range(3)] == [1, 2, 3]


def test_who_dies_while_looking_leaves_no_answer_behind() -> None:
    question, looks = Question(), LastLooks()
    question.may_go_on.set()

    def dies() -> tuple[bool, datetime]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        looks.ask(dies)
    assert looks.ask(question)[1].microsecond == 1
