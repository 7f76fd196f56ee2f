"""Carries calls to Rev.io over a pooled `requests.Session`.

Connecting and each read of the answer have time-outs of `requests`. They do not bound the whole call, because a server may
send one byte at a time: see `bounded_calls`. A failure says whether the call may have been sent: see `no_answer`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from urllib.parse import urlencode

from requests import Response, Session
from requests.adapters import HTTPAdapter
from requests.cookies import RequestsCookieJar
from urllib3.exceptions import HTTPError

from device_association.revio.no_answer import Payload, explain_failure

BODY_LIMIT = 16 * 1024 * 1024
"""Maximum bytes of an answer, counted unpacked; a page of 500 lines is well under one MiB."""
IDLE_SECONDS = 20.0
"""A connection that is older is not used for another call: a gateway may have dropped it silently while it was idle, which
would leave the outcome of a POST in doubt for no reason."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: to connect, of silence while an answer is read, and of the whole call."""

    connect: float = 5.0
    read: float = 25.0
    call: float = 40.0


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer; the names in `headers` are found in any case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Transport:
    """Carries calls to one host; safe to use from several threads.

    After IDLE_SECONDS a new session takes over; the old one stays open until the next does, for calls that have just got it.
    """

    def __init__(
        self, base_url: str, headers: Mapping[str, str], timeouts: Timeouts, *, connections: int, verify: bool | str
    ) -> None:
        self.timeouts = timeouts
        self._base, self._headers, self._connections, self._verify = base_url, headers, connections, verify
        self._session, self._retired = self._new_session(), self._new_session()
        self._lock, self._since = threading.Lock(), time.monotonic()

    def send(self, method: str, path: str, query: Mapping[str, object], payload: Payload | None, ends: float) -> Answer:
        """Make one call and return its answer, whatever its status; raise NoAnswer when no whole answer came.

        The body is read until `ends`, or for the read time-out where the answer begins later than that.
        """
        kind = "application/json-patch+json" if method == "PATCH" else "application/json"
        try:
            with self._current_session().request(
                method,
                self._base + path,
                params=urlencode(query),
                data=payload,
                headers=None if payload is None else {"Content-Type": kind},
                timeout=(self.timeouts.connect, self.timeouts.read),
                allow_redirects=False,
                stream=True,
            ) as response:
                body = _read(response, max(ends, time.monotonic() + self.timeouts.read))
                return Answer(response.status_code, response.headers, body)
        except (HTTPError, OSError) as problem:  # an OSError is what all errors of requests are
            raise explain_failure(problem, payload) from None

    def _current_session(self) -> Session:
        with self._lock:
            if time.monotonic() - self._since >= IDLE_SECONDS:
                self._retired.close()
                self._retired, self._session, self._since = self._session, self._new_session(), time.monotonic()
            return self._session

    def _new_session(self) -> Session:
        session = Session()
        session.trust_env = False  # no proxies, netrc or certificates of the environment
        session.verify = self._verify
        session.headers.update({"Accept-Encoding": "gzip", **self._headers})
        session.cookies = RequestsCookieJar(policy=DefaultCookiePolicy(allowed_domains=[]))
        session.hooks["response"] = [_stay]
        for scheme in ("https://", "http://"):
            session.mount(scheme, HTTPAdapter(pool_connections=1, pool_maxsize=self._connections, max_retries=0))
        return session


def _stay(response: Response, **_: object) -> None:
    """Hide a redirect from the session, which would read its body without a limit though it does not follow it."""
    response.headers.pop("Location", None)


def _read(response: Response, ends: float) -> bytes:
    """Return the unpacked body; each chunk is what has arrived (`iter_content` would wait for a full one)."""
    if response.status_code < 200:
        raise HTTPError("an answer before the answer, which the next call would take for its own")
    body = bytearray()
    while chunk := response.raw.read1(64 * 1024, decode_content=True):
        body += chunk
        if len(body) > BODY_LIMIT:
            raise HTTPError("the answer is longer than the limit")
        if time.monotonic() > ends:
            raise TimeoutError("the answer took longer than the whole call may take")
    return bytes(body)
