"""Carries the reads of the real Rev.io client to the modelled vendor, page by page, and lets happen meanwhile what may."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from device_association.revio.accounts import Account
from device_association.revio.client import RevioClient
from device_association.revio.no_answer import NoAnswer
from device_association.revio.transport import Answer
from tests.protocol.database import DEVICES, MSISDNS
from tests.protocol.vendor import Vendor

if TYPE_CHECKING:
    from tests.protocol.worker import Worker

PAGING = ("page", "page_size")
OURS = {*DEVICES, *MSISDNS, *(number.removeprefix("1") for number in MSISDNS)}


class Wire:
    """What carries a worker's reads of one account: a transport for RevioClient."""

    def __init__(self, worker: Worker, vendor: Vendor) -> None:
        self.worker, self.vendor = worker, vendor
        self.passes: Counter[str] = Counter()

    def send(self, method: str, path: str, query: Mapping[str, object], body: object = None) -> Answer:
        """Answer a GET. Its moments are named for what is asked: `list`, `page`, `new`, `sim`, `proof`, `line`,
        `products` or `status`."""
        assert method == "GET", "calls that change something do not come here"
        name = _name_of(path, query)
        self.worker.moment(name)
        if path == "/v1/SystemStatus":
            return Answer(200, {}, b"{}")
        if self.worker.read_fails():
            raise NoAnswer("look-up turned away", sent=True)
        answer = self._answer(path, query)
        self.worker.moment(f"after {name}", at_most=None)
        return answer

    def _answer(self, path: str, query: Mapping[str, object]) -> Answer:
        asked = {name: value for name, value in query.items() if name not in PAGING}
        page = query.get("page", 1)
        assert isinstance(page, int)
        if path.startswith("/v1/Services/"):
            record = self.vendor.find_line(int(path.rsplit("/", 1)[1]))
            return Answer(404, {}, b"") if record is None else Answer(200, {}, json.dumps(record).encode())
        if path == "/v1/ServiceProduct":
            return _page(self.vendor.list_products(asked.get("service_id")), has_more=False)
        key = json.dumps(asked, default=str)
        self.passes[key] += page == 1
        records, has_more = self.vendor.list_lines(asked, page, may_shift=self.passes[key] % 2 == 1)
        return _page(records, has_more=has_more)


def real_client(worker: Worker, vendor: Vendor) -> RevioClient:
    """Return the real client of an account whose reads the modelled vendor answers."""
    account = Account(f"account {vendor.account_id}", "https://restapi.example", "a@b", "p", "k")
    transport: Any = Wire(worker, vendor)
    return RevioClient(account, transport=transport, clock=worker.office.clock)


def _name_of(path: str, query: Mapping[str, object]) -> str:
    if path == "/v1/SystemStatus":
        return "status"
    if path == "/v1/ServiceProduct":
        return "products"
    if path != "/v1/Services":
        return "line"
    if query.get("page", 1) != 1:
        return "page"
    if "created_date_start" in query:
        return "new"
    numbers = {query.get("number"), query.get("number2")} - {None}
    if numbers & OURS:
        return "sim"
    return "proof" if numbers else "list"


def _page(records: list[dict[str, Any]], *, has_more: bool) -> Answer:
    found = {"ok": True, "has_more": has_more, "record_count": len(records), "records": records}
    return Answer(200, {}, json.dumps(found).encode())
