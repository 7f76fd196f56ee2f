"""A simulated Rev.io of a benchmark's own, in a process of its own, and what its books say afterwards."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import requests

from device_association.revio.accounts import Account
from local.sample_data import revio_seed, world
from local.stack.readiness import answers
from local.stack.settings import HOST, REPOSITORY

CONNECTION = "revio_northwind"
NO_LIMIT = 1_000_000
"""Calls a minute that nobody reaches."""
FIRST_OTHER_SIM, FIRST_OTHER_LINE = 500_001, 700_001
"""Numbers of SIMs that only Rev.io knows, and its ids of their lines."""
START_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Meter:
    """The calls as the simulator saw them; the seconds are from the first to the last that it accepted."""

    accepted: int
    turned_away: int
    seconds: float


class BenchVendor:
    """The simulator with the sample world's accounts; Acme has at least so many lines before anybody asks for one."""

    def __init__(
        self, *, latency_ms: float, calls_per_minute: int = NO_LIMIT, acme_lines: int = 0, odd_lines: int = 0
    ) -> None:
        self._latency_ms, self._calls_per_minute = latency_ms, calls_per_minute
        self._seed = revio_seed()
        account = self._seed["accounts"][0]
        self.url = f"http://{HOST}:{_free_port()}"
        self.account = Account(
            name=CONNECTION,
            base_url=self.url,
            login=f"{account['users'][0]['login']}@{account['client_code']}",
            password=account["users"][0]["password"],
            subscription_key=account["subscription_key"],
        )
        _add_lines(account["services"], acme_lines)
        for line in account["services"][-odd_lines:] if odd_lines else ():
            line["number2"] += "F"

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory()
        seed_file = Path(self._folder.name) / "seed.json"
        seed_file.write_text(json.dumps(self._seed), encoding="utf-8")
        options = {
            "--port": self.url.rpartition(":")[2],
            "--seed-file": seed_file,
            "--latency-ms": self._latency_ms,
            "--calls-per-minute": self._calls_per_minute,
        }
        given = [str(part) for pair in options.items() for part in pair]
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "local.simulators.revio", *given],
            env=os.environ | {"PYTHONPATH": f"{REPOSITORY / 'include'}:{REPOSITORY}"},
        )
        give_up = time.monotonic() + START_SECONDS
        while not answers(f"{self.url}/_control/health"):
            if self._process.poll() is not None or time.monotonic() > give_up:
                self.__exit__(None, None, None)
                raise RuntimeError("the benchmark's Rev.io simulator does not start")
            time.sleep(0.1)
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait()
        self._folder.cleanup()

    def require_one_line(self, iccids: Iterable[str]) -> None:
        """Raise AssertionError unless each SIM has exactly one active line in the simulator's books."""
        lines: dict[str, int] = self._told("lines")
        wrong = {iccid: lines.get(iccid, 0) for iccid in iccids if lines.get(iccid) != 1}
        if wrong:
            raise AssertionError(f"{len(wrong)} SIMs have not exactly one line: {dict(list(wrong.items())[:5])}")

    def meter(self) -> Meter:
        """Return what the simulator's own meter saw of the account."""
        seen = self._told("timeline")[CONNECTION.removeprefix("revio_")]
        return Meter(seen["accepted"], seen["turned_away"], seen["last_accepted"] - seen["first_accepted"])

    def _told(self, about: str) -> Any:
        answer = requests.get(f"{self.url}/_control/{about}", timeout=30)
        answer.raise_for_status()
        return answer.json()


def _add_lines(services: list[dict[str, Any]], wanted: int) -> None:
    """Give Acme lines of SIMs that the portal does not know, one a minute, until it has as many as are wanted."""
    like = next(line for line in services if line["customer_id"] == int(world.ACME))
    missing = wanted - sum(line["customer_id"] == int(world.ACME) for line in services)
    for place in range(max(0, missing)):
        sim = FIRST_OTHER_SIM + place
        own = {"service_id": FIRST_OTHER_LINE + place, "number": world.msisdn(sim), "number2": world.iccid(sim)}
        created = datetime.fromisoformat(like["created_date"]) + timedelta(minutes=place)
        services.append(like | own | {"created_date": created.isoformat()})


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind((HOST, 0))
        port: int = sock.getsockname()[1]
    return port
