"""Stands for the 2.0 system: takes notifications from who has the token, and keeps them.

    python -m local.notification_receiver --port 18600 --token secret --state-file received.jsonl

`GET /_control/received` lists what came; `POST /_control/fail?times=2` makes the next ones fail with 503.
"""

from __future__ import annotations

import argparse
import json
import secrets
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response


class AmopClient:
    """What was received, and how many of the next notifications are to fail."""

    def __init__(self, token: str, state_file: Path | None) -> None:
        self._token, self._file, self.failing = token, state_file, 0
        kept = state_file.read_text(encoding="utf-8").splitlines() if state_file and state_file.exists() else []
        self.received: list[Any] = [json.loads(line) for line in kept]

    async def take(self, request: Request) -> Response:
        """Keep one notification, or say why not."""
        if not secrets.compare_digest(request.headers.get("authorization", ""), f"Bearer {self._token}"):
            return JSONResponse({"error": "wrong token"}, 401)
        if self.failing:
            self.failing -= 1
            return JSONResponse({"error": "down"}, 503)
        notification = await request.json()
        if self._file:
            with self._file.open("a", encoding="utf-8") as file:
                file.write(json.dumps(notification) + "\n")
        self.received.append(notification)
        return JSONResponse({"ok": True})


def make_app(receiver: AmopClient) -> FastAPI:
    """Return the receiver as an application."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/_control/received")
    async def received() -> list[Any]:
        return receiver.received

    @app.post("/_control/fail")
    async def fail(times: int) -> dict[str, int]:
        receiver.failing = times
        return {"failing": times}

    app.add_api_route("/{path:path}", receiver.take, methods=["POST"])
    return app


def main() -> None:
    """Serve until ended."""
    parser = argparse.ArgumentParser(prog="python -m local.notification_receiver")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--token", required=True)
    parser.add_argument("--state-file", type=Path)
    given = parser.parse_args()
    app = make_app(AmopClient(given.token, given.state_file))
    uvicorn.run(app, host=given.host, port=given.port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
