"""Airflow's public API as one of the stack's users: for the stack itself, the demo and the tests."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Opens URLs without the proxy that the environment may name: everything of the stack is on this machine."""


class AirflowApi:
    """Calls of one signed-in user; an answer of 400 or more raises `urllib.error.HTTPError`."""

    def __init__(self, url: str, user: str, password: str) -> None:
        self._url = url
        self._headers = {"Content-Type": "application/json"}
        signed_in = self.post("/auth/token", {"username": user, "password": password})
        self._headers["Authorization"] = f"Bearer {signed_in['access_token']}"

    @property
    def authorization(self) -> str:
        """The header Authorization of this user's calls."""
        return self._headers["Authorization"]

    def get(self, path: str) -> Any:
        """Return what the API answers to GET, for example of `/api/v2/dags`."""
        return self._call("GET", path, None)

    def post(self, path: str, body: object) -> Any:
        """Return what the API answers to POST."""
        return self._call("POST", path, body)

    def put(self, path: str, body: object) -> Any:
        """Return what the API answers to PUT."""
        return self._call("PUT", path, body)

    def patch(self, path: str, body: object) -> Any:
        """Return what the API answers to PATCH."""
        return self._call("PATCH", path, body)

    def _call(self, method: str, path: str, body: object) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(  # noqa: S310 -- the stack's own address, never a file
            self._url + path, data, self._headers, method=method
        )
        with DIRECT.open(request, timeout=30) as answer:
            return json.load(answer)


def wait_for_dags(api: AirflowApi, folder: Path, seconds: float = 60.0) -> dict[str, str]:
    """Wait until Airflow has read every file of the folder; return what is wrong with each that gave no DAG."""
    expected = {path.name for path in folder.glob("*.py")}
    until = time.monotonic() + seconds
    while True:
        read = {dag["relative_fileloc"] for dag in api.get("/api/v2/dags?limit=100")["dags"]}
        errors = {one["filename"]: one["stack_trace"] for one in api.get("/api/v2/importErrors")["import_errors"]}
        broken = {Path(name).name: trace.strip().splitlines()[-1] for name, trace in errors.items()}
        unread = expected - read - broken.keys()
        if not unread or time.monotonic() > until:
            return broken | dict.fromkeys(unread, f"gave no DAG within {seconds:.0f} s")
        time.sleep(0.2)
