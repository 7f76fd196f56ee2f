"""Bounds whole calls: each is made in a thread of its own, and its caller waits for it no longer than a call may take.

Neither `requests` nor urllib3 can end a call whose name look-up hangs, or whose server sends one byte of a header at a time.
So a call that takes too long is left behind: its caller learns that its outcome is in doubt, or that it was not sent, and
then it never will be. The thread ends by its own time-outs, or with the process, and what it still brings is a late answer.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextvars import copy_context
from typing import TypeVar

from device_association.revio.no_answer import NoAnswer, Payload
from device_association.revio.transport import Answer, Transport

T = TypeVar("T")


class BoundedTransport:
    """Carries calls to one host, each for a bounded time; safe to use from several threads."""

    def __init__(self, transport: Transport) -> None:
        self._transport, self._seconds = transport, transport.timeouts.call

    def send(self, method: str, path: str, query: Mapping[str, object], body: object = None) -> Answer:
        """Make one call and return its answer, whatever its status.

        Raises: NoAnswer when there is none in time.
        """
        ends = time.monotonic() + self._seconds
        payload = None if body is None else Payload(body, ends)
        call = start_thread(lambda: self._transport.send(method, path, query, payload, ends))
        try:
            return call.result(self._seconds)
        except TimeoutError:
            sent = payload is None or payload.withhold()
            reason = f"Timeout: the whole call took longer than {self._seconds:g} s"
            raise NoAnswer(reason, sent=sent, late=call if sent else None) from None


def start_thread(work: Callable[[], T]) -> Future[T]:
    """Run `work` in a new thread, which ends with the process at the latest, and return the future of its result."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as problem:  # it is raised where the result is asked for
            future.set_exception(problem)

    threading.Thread(target=copy_context().run, args=(run,), daemon=True, name="revio-call").start()
    return future
