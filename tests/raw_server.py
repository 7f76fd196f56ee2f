"""A server that answers byte by byte as a test tells it: for what no decent HTTP server, nor the simulator, would do."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator

from device_association.revio.accounts import Account

Step = Callable[[socket.socket], bool]
"""Answers one request on its connection; False: nothing more comes over this connection."""


class RawServer:
    """Answers the n-th request with the n-th step, all further ones with the last."""

    def __init__(self, *steps: Step, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self.ended = threading.Semaphore(0)
        """Released for each connection that this server has closed."""
        self._steps, self._tls, self._lock = list(steps), tls, threading.Lock()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def account(self) -> Account:
        """Return an account that lives here."""
        scheme = "https" if self._tls else "http"
        return Account("revio", f"{scheme}://localhost:{self.port}", "association@nwt", "pass-w0rd", "key-1234")

    def close(self) -> None:
        """Accept no more."""
        self._listening.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                self.connections += 1
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
            with connection:
                while self._answer(connection):
                    pass
        self.ended.release()

    def _answer(self, connection: socket.socket) -> bool:
        request = _received(connection)
        if not request:
            return False
        with self._lock:
            self.requests.append(request)
            step = self._steps.pop(0) if len(self._steps) > 1 else self._steps[0]
        return step(connection)


@contextlib.contextmanager
def serving(*steps: Step, tls: ssl.SSLContext | None = None) -> Iterator[RawServer]:
    """Yield a server that runs as long as the block."""
    server = RawServer(*steps, tls=tls)
    try:
        yield server
    finally:
        server.close()


def answer(status: int | str, body: bytes = b"", *headers: str) -> bytes:
    """Return a whole answer as it goes over the wire."""
    head = [f"HTTP/1.1 {status} x", "Content-Type: application/json", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body


def say(data: bytes) -> Step:
    """Send these bytes, and stay."""

    def step(connection: socket.socket) -> bool:
        connection.sendall(data)
        return True

    return step


def say_and_close(data: bytes, *, after: float = 0.0) -> Step:
    """Send these bytes, and close, as a server does that shuts down or tires of an idle connection."""

    def step(connection: socket.socket) -> bool:
        connection.sendall(data)
        time.sleep(after)
        return False

    return step


def drip(data: bytes, *, first: int = 0, pause: float = 0.05) -> Step:
    """Send the first bytes at once and the others one by one."""

    def step(connection: socket.socket) -> bool:
        connection.sendall(data[:first])
        for at in range(first, len(data)):
            time.sleep(pause)
            connection.sendall(data[at : at + 1])
        return True

    return step


def silence(connection: socket.socket) -> bool:
    """Never answer."""
    connection.recv(1)
    return False


def hang_up(_: socket.socket) -> bool:
    """Close without an answer."""
    return False


def _received(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return b""
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    while lengths and len(body) < int(lengths[0]):
        more = connection.recv(65536)
        if not more:
            return b""
        body += more
    return head + b"\r\n\r\n" + body
