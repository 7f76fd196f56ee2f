"""A careful program of the portal: what got no answer is sent again, until it is answered or patience is at its end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import requests

PATIENCE_SECONDS = 240.0
PAUSE_SECONDS = 0.5
Result = TypeVar("Result")


class NoAnswerError(Exception):
    """Nobody answered in time: whether it was done is not known."""


def persist(
    attempt: Callable[[], Result], *failures: type[Exception], over: threading.Event, pause: float = PAUSE_SECONDS
) -> Result:
    """Return what an attempt returns that does not fail in one of these ways; raises NoAnswerError once nobody waits."""
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return attempt()
        except failures as problem:
            if time.monotonic() > until or over.wait(pause):
                raise NoAnswerError(f"{type(problem).__name__}: {problem}") from problem


class Portal:
    """One signed-in person's calls to the portal and to Airflow."""

    def __init__(self, url: str, user: str, password: str, over: threading.Event) -> None:
        self._over = over
        self._url, self._signs_in = url, {"username": user, "password": password}
        self._kept = threading.local()

    def send(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any]:
        """Return status and body of the answer; an error of the server, or a busy one, is asked again."""

        def attempt() -> tuple[int, Any]:
            given = {"Authorization": f"Bearer {self._token()}", **(headers or {})}
            answer = requests.request(method, self._url + path, json=body, headers=given, timeout=30)
            if answer.status_code >= 500 or answer.status_code in (401, 429):
                self._kept.token = None
                raise requests.ConnectionError(f"{answer.status_code}: {answer.text[:200]}")
            return answer.status_code, answer.json()

        return persist(attempt, requests.RequestException, over=self._over)

    def has_route(self, path: str) -> bool:
        """Whether the description of the portal's API has this route."""
        return path in self.send("GET", "/M2M/openapi.json")[1]["paths"]

    def _token(self) -> str:
        if getattr(self._kept, "token", None) is None:
            answer = requests.post(f"{self._url}/auth/token", json=self._signs_in, timeout=30)
            answer.raise_for_status()
            self._kept.token = answer.json()["access_token"]
        return str(self._kept.token)
