"""Refuses a body that is too long before anybody parses it, whatever its Content-Length says."""

from __future__ import annotations

from fastapi import Request

from device_association.domain.codes import RequestCode
from device_association.domain.errors import Refusal, RequestRefused
from device_association.domain.plain_numbers import plain_whole

MAX_BYTES = 8 * 1024 * 1024
"""Room for more ICCIDs than a request may name, so that their number is refused by its own code."""


async def limited_body(request: Request) -> bytes:
    """Return the body, or raise RequestRefused once more than the limit was announced or came."""
    announced = plain_whole(request.headers.get("content-length", "0"))
    if announced is not None and announced > MAX_BYTES:
        raise _too_large()
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MAX_BYTES:
            raise _too_large()
    return bytes(body)


def _too_large() -> RequestRefused:
    said = f"the body is longer than {MAX_BYTES // 1024 // 1024} MiB; split the request"
    return RequestRefused([Refusal(RequestCode.BODY_TOO_LARGE, "body", said)])
