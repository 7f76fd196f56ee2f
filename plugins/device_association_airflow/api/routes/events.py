"""The live view of a bulk change as server-sent events: counts that always add up, step and estimate.

Each event stands for itself, so a stream that breaks resumes with the newest look: the browser sends the id of the last
event it saw, and is told nothing twice. A stream ends by itself after a while, so that rights are looked at again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import cache, partial
from typing import Annotated, Any

import anyio
from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Header, Response
from fastapi.responses import StreamingResponse
from fastapi.sse import KEEPALIVE_COMMENT, EventSourceResponse, format_sse_event
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from starlette.types import Receive, Scope, Send

from device_association.bulk_changes.access import PortalUser, find_visible
from device_association.domain.codes import RequestCode
from device_association.domain.errors import AssociationError, Refusal, RequestRefused
from device_association.portal.progress import ProgressCache, as_event
from device_association_airflow.api.dependencies import EngineDep, ReaderDep, portal_engine
from device_association_airflow.api.parameters import ChangeId

events = APIRouter(prefix="/BulkChanges")
MAX_STREAMS, THREADS = 200, 2
"""Streams that one api-server process keeps open, and threads that they look with: requests keep all the others."""
SECONDS_PER_LOOK, SECONDS_OF_SILENCE, LONGEST_SECONDS = 1.0, 15.0, 900.0
MILLISECONDS_TO_RETRY = 3000
"""How long a browser waits before it comes back to a stream that broke off."""
log = logging.getLogger(__name__)


@dataclass
class Streams:
    """The open streams of this process and what they share."""

    progress: ProgressCache
    most: int = MAX_STREAMS
    seconds_per_look: float = SECONDS_PER_LOOK
    longest_seconds: float = LONGEST_SECONDS
    count: int = 0

    def open(self) -> None:
        """Count a stream in, or raise RequestRefused where there is no room for one more."""
        if self.count >= self.most:
            said = f"{self.most} live views are open; close one, or load the change again in a minute"
            raise RequestRefused([Refusal(RequestCode.TOO_MANY_STREAMS, "request", said)])
        self.count += 1

    def close(self) -> None:
        """Count a stream out."""
        self.count -= 1


@cache
def _streams(engine: Engine) -> Streams:
    return Streams(ProgressCache(engine, good_for=SECONDS_PER_LOOK))


def open_streams(engine: Annotated[Engine, Depends(portal_engine)]) -> Streams:
    """Return the streams of this process."""
    return _streams(engine)


class EventStream(EventSourceResponse):
    """A stream that gives its place back however it ends, also when nobody has read an event of it."""

    def __init__(self, streams: Streams, sent: AsyncIterator[bytes]) -> None:
        super().__init__(sent, headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        self.streams = streams

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stream."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self.streams.close()


DESCRIBED: dict[int | str, dict[str, Any]] = {
    200: {"description": "Progress events", "content": {"text/event-stream": {}}},
    204: {"description": "Nothing more to come"},
}


@events.get("/{change_id}/events", response_class=StreamingResponse, responses=DESCRIBED)
async def follow_change(
    caller: ReaderDep,
    engine: EngineDep,
    change_id: ChangeId,
    streams: Annotated[Streams, Depends(open_streams)],
    last_event_id: Annotated[str | None, Header(max_length=100)] = None,
) -> Response:
    """Return a change's live view; it ends with the change, and a browser that comes back then is sent away."""
    await run_sync(_check_visible, engine, caller, change_id)
    progress = await run_sync(streams.progress.read, change_id, limiter=_limiter())
    if progress.has_ended and as_event(progress).id == last_event_id:
        return Response(status_code=204)
    streams.open()
    return EventStream(streams, follow(streams, change_id, last_event_id))


async def follow(streams: Streams, change_id: int, last_event_id: str | None) -> AsyncIterator[bytes]:
    """Yield an event whenever the change looks different, and a sign of life in between, until it has ended."""
    began = spoke = time.monotonic()
    seen = last_event_id
    yield format_sse_event(retry=MILLISECONDS_TO_RETRY)
    while time.monotonic() - began < streams.longest_seconds:
        try:
            progress = await run_sync(partial(streams.progress.read, change_id), limiter=_limiter())
        except (AssociationError, DBAPIError) as problem:
            log.warning("a live view of bulk change %s ends: %s", change_id, type(problem).__name__)
            return
        event = as_event(progress)
        if event.id != seen:
            yield format_sse_event(data_str=event.data, event="progress", id=event.id)
            seen, spoke = event.id, time.monotonic()
        elif time.monotonic() - spoke >= SECONDS_OF_SILENCE:
            yield KEEPALIVE_COMMENT
            spoke = time.monotonic()
        if progress.has_ended:
            return
        await anyio.sleep(streams.seconds_per_look)


def _check_visible(engine: Engine, caller: PortalUser, change_id: int) -> None:
    with engine.connect() as connection:
        find_visible(connection, caller, change_id)


@cache
def _limiter() -> anyio.CapacityLimiter:
    return anyio.CapacityLimiter(THREADS)
