"""How long the portal's API takes for big requests, and for any page of a big change, on a real api-server.

Nobody works on the changes meanwhile: the scheduler is stopped, so that the api-server and its database are measured, not
the wait for a core. With live views: so many browsers watch the change while the same is measured again.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property

import psutil
import requests
from sqlalchemy import text

from benchmarks.progress import Tell, silent
from benchmarks.quantiles import median, p95
from benchmarks.rig.portal import FIRST_DEVICE, LINE, add_devices
from device_association.database.execution import make_engine
from local import sample_data
from local.sample_data import world
from local.stack.stack import Stack

WATCHERS = 50
"""Live views that are open while the figures with watchers are measured."""
POSTS, BIG_POSTS, PAGES = 20, 3, 100
PAGE_ROWS = 50
FILTERS: tuple[dict[str, str], ...] = ({}, {"Status": "NEW"}, {"Status": "ERROR", "Code": "DEVICE_NOT_FOUND"})
"""What a page may be asked for: all devices, by state, by state and code."""


class PortalBench:
    """The api-server over an inventory of 100,000 devices."""

    def __init__(self, stack: Stack, devices: int = 100_000, tell: Tell = silent) -> None:
        self.stack, self.devices, self._tell = stack, devices, tell
        self.part = devices // 10
        stack.stop("scheduler")
        engine = make_engine(stack.portal_url)
        sample_data.load(engine)
        add_devices(engine, devices + self.part, tell)
        self._database = engine
        self._browser = self._sign_in()
        self._cancel(self._timed(self._apart, []))  # the first request of a process pays for its imports

    @property
    def post_10k_p95(self) -> float:
        """Return the p95 of the seconds of a request for 10,000 devices; each is canceled before the next."""
        return p95(self._posts())

    @property
    def post_100k(self) -> float:
        """Return the median of the seconds of a request for 100,000 devices."""
        return median(self._big[1])

    @cached_property
    def page_p95_ms(self) -> float:
        """Return the p95 of the milliseconds of a page of the big change: cold, after a start of both servers, then warm."""
        change, _ = self._big
        for server in ("postgres", "api-server"):
            self._tell(f"restarting {server}")
            self.stack.restart(server)
        self._browser = self._sign_in()
        return 1000 * p95(self._pages(change))

    @cached_property
    def watched(self) -> tuple[float, float]:
        """Return the p95 of a page in milliseconds and of a request for 10,000 devices in seconds, while 50 watch."""
        change, _ = self._big
        with self._watchers(change):
            return 1000 * p95(self._pages(change)), p95(self._posts())

    @property
    def memory_mib(self) -> float:
        """Return the memory of the api-server's processes as it is now, in MiB."""
        (pid,) = (one.pid for one in self.stack.status() if one.name == "api-server")
        server = psutil.Process(pid)
        return float(sum(one.memory_info().rss for one in [server, *server.children(recursive=True)]) / 2**20)

    @cached_property
    def _big(self) -> tuple[int, list[float]]:
        """Ask for the whole inventory several times; return the last change, which stays open, and the seconds of each."""
        seconds: list[float] = []
        for left in reversed(range(BIG_POSTS)):
            self._tell(f"requests for {self.devices:,} devices,", BIG_POSTS - left, BIG_POSTS)
            change = self._timed(range(FIRST_DEVICE, FIRST_DEVICE + self.devices), seconds)
            if left:
                self._cancel(change)
        return change, seconds

    def _posts(self) -> list[float]:
        """Ask and cancel, again and again, on a database that has nothing left to clean up from the figure before.

        The first try is left out: the first request of a process pays for its imports.
        """
        with self._database.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
        self._database.dispose()
        seconds: list[float] = []
        for number in range(POSTS + 1):
            if number:
                self._tell(f"requests for {self.part:,} devices,", number, POSTS)
            else:
                self._tell(f"requests for {self.part:,} devices, warming up")
            self._cancel(self._timed(self._apart, seconds))
        return seconds[1:]

    @property
    def _apart(self) -> range:
        """The devices that the big change does not ask for."""
        return range(FIRST_DEVICE + self.devices, FIRST_DEVICE + self.devices + self.part)

    def _timed(self, numbers: range, seconds: list[float]) -> int:
        iccids = [world.iccid(number) for number in numbers]
        began = time.perf_counter()
        change = self._ask(iccids)
        seconds.append(time.perf_counter() - began)
        return change

    def _ask(self, iccids: list[str]) -> int:
        """Ask for these devices; all must be accepted, so that each request does the same work."""
        asked = {"ServiceProviderId": world.JASPER, "Devices": iccids, "RevCustomerId": world.ACME, **LINE}
        answer = self._browser("POST", "/M2M/AssociateCustomer", json=asked).json()
        if answer["Accepted"] != len(iccids):
            raise AssertionError(f"only {answer['Accepted']} of {len(iccids)} devices were accepted")
        return int(answer["ChangeId"])

    def _cancel(self, change: int) -> None:
        self._browser("POST", f"/M2M/BulkChanges/{change}/cancel", json={"Reason": "measured enough"})

    def _pages(self, change: int) -> list[float]:
        """Return the seconds of pages from all over the change, in an order that is the same in every run."""
        chosen = random.Random(4711)
        first = self._page(change, {})["Devices"][0]["RowId"]
        seconds = []
        for number in range(PAGES):
            self._tell(f"pages of {self.devices:,} devices,", number + 1, PAGES)
            behind = first + chosen.randrange(self.devices)
            filters = FILTERS[number % len(FILTERS)]
            began = time.perf_counter()
            self._page(change, {**filters, "After": behind})
            seconds.append(time.perf_counter() - began)
        return seconds

    def _page(self, change: int, filters: dict[str, object]) -> dict[str, list[dict[str, int]]]:
        asked = {"Limit": PAGE_ROWS, **filters}
        found: dict[str, list[dict[str, int]]] = self._browser(
            "GET", f"/M2M/BulkChanges/{change}/devices", params=asked
        ).json()
        return found

    @contextmanager
    def _watchers(self, change: int) -> Iterator[None]:
        """Keep live views of the change open, each in a thread that reads what it is sent."""
        opened, over = threading.Barrier(WATCHERS + 1), threading.Event()

        def watch() -> None:
            with self._browser("GET", f"/M2M/BulkChanges/{change}/events", stream=True) as events:
                lines = events.iter_lines()
                next(lines)
                opened.wait(60)
                while not over.is_set() and next(lines, None) is not None:
                    pass

        threads = [threading.Thread(target=watch, daemon=True) for _ in range(WATCHERS)]
        for thread in threads:
            thread.start()
        opened.wait(60)
        try:
            yield
        finally:
            over.set()
            for thread in threads:
                thread.join(30)

    def _sign_in(self) -> Callable[..., requests.Response]:
        """Return what sends a request as dora.ops over a connection of its thread, and raises when it is refused."""
        sessions = threading.local()
        signed_in = {"username": "dora.ops", "password": self.stack.passwords["dora.ops"]}
        answer = requests.post(f"{self.stack.airflow_url}/auth/token", json=signed_in, timeout=30)
        answer.raise_for_status()
        token = answer.json()["access_token"]

        def send(method: str, path: str, **more: object) -> requests.Response:
            if not hasattr(sessions, "one"):
                sessions.one = requests.Session()
                sessions.one.trust_env = False
                sessions.one.headers["Authorization"] = f"Bearer {token}"
            answer: requests.Response = sessions.one.request(method, self.stack.airflow_url + path, timeout=120, **more)
            answer.raise_for_status()
            return answer

        return send
