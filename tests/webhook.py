"""A webhook that keeps what it is told."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any


class Webhook(BaseHTTPRequestHandler):
    """Keeps what is posted; answers 500 while it is told to."""

    def do_POST(self) -> None:
        server: Any = self.server
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if not server.failing:
            server.said.append(json.loads(body)["text"])
        self.send_response(500 if server.failing else 200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def listening() -> Iterator[Any]:
    """Give a webhook on a free port: `said` holds the texts it was sent, and it refuses them while it is `failing`."""
    server: Any = HTTPServer(("127.0.0.1", 0), Webhook)
    server.said, server.failing = [], False
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()
