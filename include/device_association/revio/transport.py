"""Carries one call to Rev.io over `requests`, within a bound on the whole call.

A time-out of `requests` bounds one read of the socket: a server that sends a byte a second holds a call for ever. Here
the end of the call is set once, on the monotonic clock, and every step (the name look-up, each address that is tried,
the TLS hand-shake, the sending, each read of headers and body) gets the time that is left, if that is less than its own
time-out. This hangs on the hooks that `requests` and urllib3 have for it: the adapter, the classes of pool and
connection, http.client's response class. A watchdog thread that kills sockets was not taken: it costs a thread or a
timer for each call, races with the pool that gives the socket to the next call, and cannot say whether a call was sent.

The end of the call is a thread-local: one call is one thread from its first byte to its last. The pool never blocks (a
thread that finds it empty opens a connection of its own), so there is nothing to bound there.
"""

from __future__ import annotations

import http.client
import io
import json
import math
import queue
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import urlencode

from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from requests.exceptions import RequestException
from requests.utils import default_user_agent
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, Timeout
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NameResolutionError, NewConnectionError

BODY_LIMIT = 16 * 1024 * 1024
"""Most bytes of an answer that are read, counted unpacked; a page of 500 lines is well under one MiB."""
CHUNK = 64 * 1024
_as_json = json.JSONEncoder(allow_nan=False).encode
IDLE_SECONDS = 20.0
"""A connection idle for longer is not used again: a gateway may have forgotten it without a word, which would leave the
outcome of a POST unknown for nothing."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: to connect, of silence while an answer is read, and of the whole call."""

    connect: float = 5.0
    read: float = 25.0
    call: float = 40.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whole; the names in `headers` are found in any case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class NoAnswer(Exception):
    """No whole answer came. `sent`: Rev.io may have got the call, or a part of it."""

    def __init__(self, reason: str, *, sent: bool) -> None:
        super().__init__(reason)
        self.sent = sent


class Transport:
    """Carries calls to one host over pooled connections; safe to use from several threads."""

    def __init__(
        self,
        base_url: str,
        headers: Mapping[str, str],
        timeouts: Timeouts,
        *,
        connections: int = 16,
        verify: bool | str = True,
    ) -> None:
        self._base = base_url
        self._seconds = timeouts.call
        self._patience = Timeout(connect=timeouts.connect, read=timeouts.read)
        self._verify = verify
        self._adapter = _Adapter(connections)
        self._headers = {"User-Agent": default_user_agent(), "Accept-Encoding": "gzip", **headers}

    def send(self, method: str, path: str, query: Mapping[str, object], body: object = None) -> Answer:
        """Make one call and return its answer, whatever its status; raise NoAnswer when there is none in time."""
        request = self._prepared(method, path, query, body)
        _call.begin(self._seconds)
        try:
            patience: Any = self._patience  # the stubs know only numbers
            with self._adapter.send(request, stream=True, timeout=patience, verify=self._verify) as response:
                return Answer(response.status_code, response.headers, _read(response))
        except (RequestException, HTTPError, http.client.HTTPException, OSError) as problem:
            raise NoAnswer(_named(problem), sent=_call.sent) from None

    def close(self) -> None:
        """Close the idle connections."""
        self._adapter.close()

    def _prepared(self, method: str, path: str, query: Mapping[str, object], body: object) -> PreparedRequest:
        """Return the request as `requests` would prepare it, without its look-ups of netrc, proxies and cookies."""
        request = PreparedRequest()
        request.method = method
        request.url = f"{self._base}{path}?{urlencode(query)}" if query else self._base + path
        headers = self._headers
        if body is not None:
            request.body = _as_json(body).encode()
            kind = "application/json-patch+json" if method == "PATCH" else "application/json"
            headers = {**headers, "Content-Type": kind, "Content-Length": str(len(request.body))}
        request.headers = headers  # type: ignore[assignment]  # a plain dict is all that is asked of it, and quicker
        return request


class _Call(threading.local):
    """The call that this thread is making: when it must have ended, and whether a byte of it was handed over."""

    ends = math.inf
    sent = False

    def begin(self, seconds: float) -> None:
        self.ends, self.sent = time.monotonic() + seconds, False

    def left(self, most: float | None) -> float:
        """Return the seconds that the next step may take."""
        left = self.ends - time.monotonic()
        if left <= 0:
            raise TimeoutError("the call took longer than a call may take")
        return left if most is None else min(left, most)


_call = _Call()


class _Reader(io.RawIOBase):
    """Reads a socket; each read waits no longer than its time-out and the call allow."""

    def __init__(self, sock: socket.socket, raw: io.RawIOBase) -> None:
        self._sock, self._raw, self._most = sock, raw, sock.gettimeout()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(_call.left(self._most))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    """An answer that is read within the bound of its call."""

    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self.fp = io.BufferedReader(_Reader(sock, self.fp.detach()))

    def begin(self) -> None:
        """Read the headers; those that cannot be read are dropped, or urllib3 would log them with all they may echo."""
        super().begin()
        if self.status < 200:
            raise http.client.HTTPException("an answer before the answer, which the next call would take for its own")
        if self.length is None and not self.chunked and self.msg.get("Content-Length"):
            raise http.client.HTTPException("unreadable Content-Length")
        self.msg.defects.clear()
        self.msg.set_payload("")


class _Connection(HTTPConnection):
    """A connection whose every step keeps to the bound of its call."""

    response_class = _Response
    _outbox: list[bytes]
    _used = -math.inf

    @property
    def is_connected(self) -> bool:
        """Whether the connection can carry another call: the server has not closed it, and nobody may have forgotten it."""
        return time.monotonic() - self._used < IDLE_SECONDS and super().is_connected

    def request(self, *args: Any, **options: Any) -> None:
        """Send headers and body as one."""
        self._outbox = []
        super().request(*args, **options)
        if self.sock is None:
            self.connect()
        self.sock.settimeout(_call.left(self.timeout))
        self._used, _call.sent = time.monotonic(), True
        self.sock.sendall(b"".join(self._outbox))

    def send(self, data: Any) -> None:
        self._outbox.append(data)

    def _new_conn(self) -> socket.socket:
        """Connect to the first address that answers; the time-out it leaves set bounds the TLS hand-shake."""
        problem: OSError | None = None
        for family, kind, protocol, _, address in self._addresses():
            sock = socket.socket(family, kind, protocol)
            try:
                for option in self.socket_options or ():
                    sock.setsockopt(*option)
                sock.settimeout(_call.left(self.timeout))
                sock.connect(address)
                sock.settimeout(_call.left(self.timeout))
                return sock
            except OSError as error:
                problem = error
                sock.close()
        kind_of_error = ConnectTimeoutError if isinstance(problem, TimeoutError) else NewConnectionError
        raise kind_of_error(self, "no connection") from problem

    def _addresses(self) -> list[Any]:
        """Look the host up, beside: the system's look-up knows no time-out. Only a new connection pays for the thread."""
        found: queue.SimpleQueue[list[Any] | Exception] = queue.SimpleQueue()

        def look_up() -> None:
            try:
                found.put(socket.getaddrinfo(self._dns_host, self.port, type=socket.SOCK_STREAM))
            except (OSError, UnicodeError) as error:
                found.put(error)

        threading.Thread(target=look_up, daemon=True, name="revio-look-up").start()
        try:
            answer = found.get(timeout=_call.left(self.timeout))
        except queue.Empty:
            raise ConnectTimeoutError(self, "no name look-up") from None
        if isinstance(answer, Exception):
            raise NameResolutionError(self.host, self, socket.gaierror()) from answer
        return answer


class _TlsConnection(_Connection, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class _Adapter(HTTPAdapter):
    """The adapter of `requests` for one host: the pool is looked up once, there are no proxies and no cookies.

    It is called without a `requests.Session`, which would read a redirect's body unbounded and prepare each request
    anew: half of the CPU time of a call.
    """

    _pools: ClassVar = {"http": _Pool, "https": _TlsPool}
    _pool: Any = None

    def __init__(self, connections: int) -> None:
        super().__init__(pool_connections=1, pool_maxsize=connections, max_retries=0)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def get_connection_with_tls_context(self, request: PreparedRequest, verify: Any, *args: Any, **options: Any) -> Any:
        if self._pool is None:
            pool = super().get_connection_with_tls_context(request, verify, *args, **options)
            super().cert_verify(pool, request.url, verify, None)  # type: ignore[no-untyped-call]  # the stubs' own
            self._pool = pool
        return self._pool

    def cert_verify(self, *args: Any, **options: Any) -> None:
        """Do nothing: the pool was told when it was made."""

    def request_url(self, request: PreparedRequest, proxies: Any) -> str:
        return request.path_url

    def build_response(self, req: PreparedRequest, resp: Any) -> Response:
        response = Response()
        response.status_code, response.headers, response.raw = resp.status, resp.headers, resp
        return response


def _read(response: Response) -> bytes:
    """Read the body, unpacked, no more than the limit."""
    body = bytearray()
    while chunk := response.raw.read(CHUNK, decode_content=True):
        body += chunk
        if len(body) > BODY_LIMIT:
            raise http.client.HTTPException("the answer is longer than the limit")
    return bytes(body)


def _named(problem: BaseException) -> str:
    """Name the kinds of error, outermost and innermost, and none of their texts: those may quote the answer."""
    names = [type(one).__name__ for one in _chain(problem)]
    return names[0] if names[0] == names[-1] else f"{names[0]} ({names[-1]})"


def _chain(problem: BaseException | None) -> Iterator[BaseException]:
    while problem is not None:
        yield problem
        problem = problem.__cause__ or problem.__context__
