"""The portal's API over the sample world, without an api-server around it: who is signed in is the test's to say."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
from airflow.api_fastapi.core_api.security import get_user
from fastapi import HTTPException, Request
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from device_association_airflow.api import dependencies
from device_association_airflow.ui.app import portal_app
from tests.flow import NOW, settings

TOKEN = "Bearer a-token-of-"  # what a real token says, this one says plainly


@dataclass
class Queue:
    """Keeps the messages that were sent; refuses them while it is dead."""

    sent: list[dict[str, Any]] = field(default_factory=list)
    dead: bool = False

    def send(self, body: dict[str, Any]) -> None:
        if self.dead:
            raise ConnectionError("the queue does not answer")
        self.sent.append(body)


@dataclass
class Portal:
    """A client of the API for one database, one queue and one clock."""

    engine: Engine
    queue: Queue = field(default_factory=Queue)
    now: datetime = NOW
    client: TestClient = field(init=False)

    def ask(self, method: str, path: str, user: str | None = "dora.ops", **more: Any) -> Any:
        """Send a request with a user's token, or with none."""
        headers = ({"Authorization": TOKEN + user} if user else {}) | more.pop("headers", {})
        return self.client.request(method, path, headers=headers, **more)

    def get(self, path: str, user: str | None = "dora.ops", **more: Any) -> Any:
        return self.ask("GET", path, user, **more)

    def post(self, path: str, json: Any = None, user: str | None = "dora.ops", **more: Any) -> Any:
        return self.ask("POST", path, user, json=json, **more)


def code_of(answer: Any) -> tuple[int, str]:
    """Return an answer's status and the code of its first error."""
    return answer.status_code, answer.json()["Errors"][0]["Code"]


def user_of(request: Request) -> SimpleAuthManagerUser:
    """Stand for Airflow's `get_user`: the name is in the token, or in the cookie."""
    shown = request.headers.get("authorization", "").removeprefix(TOKEN) or request.cookies.get("_token")
    if not shown:
        raise HTTPException(401, "Not authenticated")
    return SimpleAuthManagerUser(username=shown, role="op")


@contextmanager
def portal_client(engine: Engine) -> Iterator[Portal]:
    """Give the API over this database."""
    portal = Portal(engine)
    portal_app.dependency_overrides = {
        get_user: user_of,
        dependencies.portal_engine: lambda: engine,
        dependencies.portal_now: lambda: portal.now,
        dependencies.portal_settings: lambda: settings(max_devices=1000),
        dependencies.portal_send: lambda: portal.queue.send,
    }
    with TestClient(portal_app, raise_server_exceptions=True) as portal.client:
        yield portal
    portal_app.dependency_overrides = {}
