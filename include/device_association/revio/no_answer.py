"""A call without a whole answer: whether any of it may have been sent, and what may be shown of its error.

The body of a call is a file, as for a streaming upload of `requests`: its position tells whether any of it was read to be
sent, and it can be withheld. So an error that a connection and a call on it share (a time-out, a TLS error) needs no guess.
"""

from __future__ import annotations

import io
import json
import logging
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from traceback import clear_frames
from typing import Any

from requests.exceptions import ConnectTimeout, InvalidURL, ProxyError
from urllib3.exceptions import HeaderParsingError, LocationParseError, NewConnectionError

NOT_SENT = (ConnectTimeout, NewConnectionError, ProxyError, InvalidURL, LocationParseError)
"""Errors before there is a connection; that of a name that cannot be resolved is a NewConnectionError."""
_as_json = json.JSONEncoder(allow_nan=False).encode


class NoAnswer(Exception):
    """No whole answer came.

    `sent`: Rev.io may have received the call, or a part of it.
    `late`: brings the Answer of a call that is still out, if one comes.
    """

    def __init__(self, reason: str, *, sent: bool, late: Future[Any] | None = None) -> None:
        super().__init__(reason)
        self.sent, self.late = sent, late


class Payload(io.BytesIO):
    """The JSON body of a call; it can be withheld, and is from `ends` on, a moment of the monotonic clock."""

    def __init__(self, body: object, ends: float) -> None:
        super().__init__(_as_json(body).encode())
        self._ends, self._lock = ends, threading.Lock()

    def read(self, size: int | None = -1, /) -> bytes:
        """Return the next bytes to send; raise TimeoutError when they are withheld."""
        with self._lock:
            if time.monotonic() >= self._ends:
                raise TimeoutError("the call's time was over before it was sent")
            return super().read(size)

    def withhold(self) -> bool:
        """Give out nothing more; return whether some of it may have been sent."""
        with self._lock:
            self._ends = 0.0
            return self.tell() > 0


def explain_failure(problem: BaseException, payload: Payload | None) -> NoAnswer:
    """Return what a call that ended in an error means: without a body by the kind of error, else by what was read of it."""
    chain = list(_chain(problem))
    for one in chain:
        clear_frames(one.__traceback__)  # they hold the answer, and its socket open
    sent = payload.tell() > 0 if payload is not None else not any(isinstance(one, NOT_SENT) for one in chain)
    names = [type(one).__name__ for one in chain]  # not their texts: those may quote the answer
    return NoAnswer(names[0] if names[0] == names[-1] else f"{names[0]} ({names[-1]})", sent=sent)


def _chain(problem: BaseException | None) -> Iterator[BaseException]:
    while problem is not None:
        yield problem
        problem = problem.__cause__ or problem.__context__


def _shows_no_headers(record: logging.LogRecord) -> bool:
    """Return False for urllib3's warning about headers that cannot be parsed: it quotes them, credentials and all."""
    return not (record.exc_info and isinstance(record.exc_info[1], HeaderParsingError))


logging.getLogger("urllib3.connection").addFilter(_shows_no_headers)
