"""Answers in the shapes of the vendor and of the gateway before it, and the ways of not answering."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.types import Message, Receive, Scope, Send

from local.simulators.revio.faults.plan import BodyShape
from local.simulators.revio.server.limits import TurnedAway

JSON = "application/json"
NO_ANSWER = "none"
CHUNK = 1024 * 1024


class Hangup(Response):
    """No answer: the connection is cut, at once or after some seconds of silence."""

    def __init__(self, seconds: float = 0.0) -> None:
        super().__init__()
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 -- ASGI
        """Cut the connection, unless the client has left before."""
        if self._seconds:
            await client_left(receive, self._seconds)
        await hang_up(scope, receive)


class Silence(Response):
    """No answer until the client gives up."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 -- ASGI
        """Wait until the client leaves."""
        await client_left(receive, None)


class CutAnswer(Response):
    """The first half of an answer, then the connection is cut."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send half of what the headers promise."""
        half = bytes(self.body)[: len(self.body) // 2]
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": half, "more_body": True})
        await asyncio.sleep(0.05)  # abort() throws away what the socket hasn't taken yet
        await hang_up(scope, receive)


class Late(Response):
    """An answer that comes after some seconds."""

    def __init__(self, answer: Response, seconds: float) -> None:
        super().__init__(status_code=answer.status_code)
        self._answer, self._seconds = answer, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer, if the client is still there."""
        if not await client_left(receive, self._seconds):
            await self._answer(scope, receive, send)


class Dripping(Response):
    """An answer behind blanks that come one by one for some seconds; JSON may begin with them."""

    def __init__(self, content: bytes, status: int, seconds: float, every: float) -> None:
        super().__init__(content, status, media_type=JSON)
        self._blanks, self._every = max(1, round(seconds / every)), every

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 -- ASGI
        """Send blanks and then the answer, as long as the client listens."""
        headers = [(name, value) for name, value in self.raw_headers if name != b"content-length"]
        await send({"type": "http.response.start", "status": self.status_code, "headers": headers})
        for _ in range(self._blanks):
            await send(_part(b" "))
            if await client_left(receive, self._every):
                return
        await send(_part(bytes(self.body), more=False))


class Padded(Response):
    """A JSON object with one more member that is very long."""

    def __init__(self, content: bytes, status: int, megabytes: float) -> None:
        super().__init__(content, status, media_type=JSON)
        self._padding = round(megabytes * CHUNK)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 -- ASGI
        """Send the object in pieces; the server waits where the client reads slowly."""
        headers = [(name, value) for name, value in self.raw_headers if name != b"content-length"]
        await send({"type": "http.response.start", "status": self.status_code, "headers": headers})
        await send(_part(bytes(self.body).rstrip()[:-1] + b', "padding": "'))
        for piece in _pieces(self._padding):
            await send(_part(piece))
        await send(_part(b'"}', more=False))


async def client_left(receive: Receive, seconds: float | None) -> bool:
    """Wait until the client leaves, at most so long; return whether it did."""
    try:
        async with asyncio.timeout(seconds):
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return False
    return True


async def hang_up(scope: Scope, receive: Receive) -> None:
    """Cut the connection, and return when the server has noticed."""
    scope["hang_up"]()
    await client_left(receive, 1.0)


def told(response: Response) -> str:
    """Return the status that the client is told, for the counters."""
    return NO_ANSWER if isinstance(response, Hangup | Silence) else str(response.status_code)


def failure(status: int, shape: BodyShape, message: str, retry_after: str | None = None) -> Response:
    """Return an error with a body of one of the shapes that were seen, and with `Retry-After` where it is given."""
    response = _failure(status, shape, message)
    if retry_after is not None:
        response.headers["Retry-After"] = retry_after
    return response


def _failure(status: int, shape: BodyShape, message: str) -> Response:
    match shape:
        case "array":
            return JSONResponse([{"field": "number", "message": message}], status)
        case "html":
            return HTMLResponse(f"<html><body><h1>Error {status}</h1>{message}</body></html>", status)
        case "text":
            return PlainTextResponse(message, status)
        case "empty":
            return Response(status_code=status)
    return JSONResponse({"ok": False, "error": message, "errors": {"number": [message]}}, status)


def not_signed_in() -> Response:
    """Return what wrong credentials are told."""
    return JSONResponse({"ok": False, "error": "wrong credentials"}, 401)


def turned_away(limit: TurnedAway, shape: str, retry_after: str | None = None) -> Response:
    """Return what a call over a limit is told: how long to wait in the header, in the body, or `bare`: not at all."""
    wait = limit.retry_after if retry_after is None else retry_after
    if limit.limit == "day":
        text = f"Out of call volume quota. Quota will be replenished in {wait} seconds."
        return JSONResponse({"statusCode": 403, "message": text}, 403, headers={"Retry-After": str(wait)})
    text = "Rate limit is exceeded." + ("" if shape == "bare" else f" Try again in {wait} seconds.")
    headers = {"Retry-After": str(wait)} if shape == "header" else {}
    return JSONResponse({"statusCode": 429, "message": text}, 429, headers=headers)


def _part(body: bytes, more: bool = True) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": more}


def _pieces(size: int) -> Iterator[bytes]:
    piece = b"x" * CHUNK
    for _ in range(size // CHUNK):
        yield piece
    yield piece[: size % CHUNK]
