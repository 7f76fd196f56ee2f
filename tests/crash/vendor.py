"""The simulator as a process of its own, which can be killed and started again: its books survive."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import requests

from local.sample_data import world
from local.sample_data.seed import revio_seed
from local.simulators.revio.settings import Settings
from local.stack.ports import free_ports
from local.stack.settings import REPOSITORY

CALM = Settings(calls_per_minute=1_000_000, calls_per_day=100_000_000)


class VendorProcess:
    """The vendor's process and its control API."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._port = folder, free_ports(1)[0]
        self._process: subprocess.Popen[bytes] | None = None
        (folder / "seed.json").write_text(json.dumps(revio_seed()), encoding="utf-8")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start it, with the books it had, and wait until it answers."""
        files = [f"--seed-file={self._folder / 'seed.json'}", f"--state-file={self._folder / 'state.jsonl'}"]
        limit = f"--calls-per-minute={CALM.calls_per_minute}"
        with (self._folder / "vendor.log").open("ab") as log:
            command = [sys.executable, "-m", "local.simulators.revio", f"--port={self._port}", limit, *files]
            self._process = subprocess.Popen(command, cwd=REPOSITORY, stdout=log, stderr=log)
        end = time.monotonic() + 60
        while not self._answers():
            if time.monotonic() > end or self._process.poll() is not None:
                raise RuntimeError((self._folder / "vendor.log").read_text(encoding="utf-8"))
            time.sleep(0.05)

    def kill(self) -> None:
        """End it as a power failure would: nobody listens on its port, and what was out is cut."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """Stop it: calls are taken, and acted on when it thaws, though their callers have long gone."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, what: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(what)

    def calm(self) -> None:
        """Forget everything, and answer well and at once."""
        self.control("POST", "reset")
        self.change(**CALM.model_dump())

    def change(self, **settings: Any) -> None:
        self.control("PATCH", "settings", settings)

    def plant(self, iccid: str) -> None:
        """Give a SIM a line of the sample world's Acme, as if it had always been there."""
        line = {"customer_id": int(world.ACME), "provider_id": world.PROVIDER, "number2": iccid}
        self.control("POST", "services?account=northwind", line | {"created_date": "2026-02-01T08:00:00"})

    def fault(self, effect: str, **more: Any) -> None:
        self.control("POST", "faults", {"effect": effect, **more})

    def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = requests.request(method, f"{self.url}/_control/{path}", json=body, timeout=30)
        answer.raise_for_status()
        return answer.json()

    def created_lines(self) -> dict[str, list[int]]:
        """Return the ids of the lines that calls really created, by SIM."""
        created: dict[str, list[int]] = {}
        for entry in self._journal("service_created"):
            created.setdefault(entry["service"]["number2"], []).append(entry["service"]["service_id"])
        return created

    def created_products(self) -> Counter[tuple[int, int]]:
        """Return how often calls really put which product on which line."""
        made = [entry["product"] for entry in self._journal("product_created")]
        return Counter((one["service_id"], one["product_id"]) for one in made)

    def active_lines(self) -> dict[str, int]:
        """Return how many active lines each SIM has."""
        found: dict[str, int] = self.control("GET", "lines")
        return found

    def counted(self, what: str) -> int:
        found: int = self.control("GET", "counters").get(what, 0)
        return found

    def _journal(self, kind: str) -> list[dict[str, Any]]:
        journal: list[dict[str, Any]] = self.control("GET", "journal")
        return [entry for entry in journal if entry["kind"] == kind and not entry.get("planted")]

    def _answers(self) -> bool:
        try:
            return requests.get(f"{self.url}/_control/health", timeout=1).ok
        except requests.RequestException:
            return False
