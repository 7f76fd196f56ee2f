"""The yardstick of the create phase: an asyncio client that does nothing but POST."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import date

import aiohttp

from device_association.revio.accounts import Account


def post_all(account: Account, bodies: Iterable[Mapping[str, object]], *, in_flight: int) -> None:
    """POST every body to the lines of an account, so many at the same time; each must be answered by an id."""
    asyncio.run(_post_all(account, [_wire(body) for body in bodies], in_flight))


async def _post_all(account: Account, bodies: list[dict[str, object]], in_flight: int) -> None:
    headers = {"Authorization": f"Basic {account.token()}", "Ocp-Apim-Subscription-Key": account.subscription_key}
    connector = aiohttp.TCPConnector(limit=in_flight)
    async with aiohttp.ClientSession(account.base_url, headers=headers, connector=connector) as session:
        waiting = iter(bodies)
        await asyncio.gather(*(_post(session, waiting) for _ in range(in_flight)))


async def _post(session: aiohttp.ClientSession, waiting: Iterator[dict[str, object]]) -> None:
    for body in waiting:
        async with session.post("/v1/Services", json=body) as answer:
            answer.raise_for_status()
            if not (await answer.json())["id"]:
                raise AssertionError(f"no line for {json.dumps(body)}")


def _wire(body: Mapping[str, object]) -> dict[str, object]:
    """Return a body as the product's client sends it: dates with a time, nothing that is null."""
    return {
        name: f"{value:%Y-%m-%d}T00:00:00" if isinstance(value, date) else value
        for name, value in body.items()
        if value is not None
    }
