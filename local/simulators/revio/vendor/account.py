"""What the vendor does with a call that was let in: lists, creates and disconnects, in the shapes of the contract."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, ValidationError

from local.simulators.revio.calls import Call
from local.simulators.revio.faults.plan import Fault
from local.simulators.revio.faults.shifts import shift
from local.simulators.revio.ledger.ledger import Ledger
from local.simulators.revio.ledger.records import customer_of
from local.simulators.revio.ledger.seed import Service, ServiceProduct, User, as_naive_utc
from local.simulators.revio.ledger.store import AccountStore, numbered
from local.simulators.revio.settings import Settings
from local.simulators.revio.vendor.pages import Page, cut, lying
from local.simulators.revio.vendor.parameters import Refused, integer, moment
from local.simulators.revio.vendor.searches import CATALOGUES, Search

__all__ = ["Answer", "Refused", "SimulatedAccount"]

DEFAULT_PAGE_SIZE, LARGEST_PAGE_SIZE = 10, 500


@dataclass(frozen=True, slots=True)
class Answer:
    """What the vendor says to a call that it carried out."""

    status: int
    text: bytes
    id: int | None = None

    @property
    def json(self) -> Any:
        """What the text says."""
        return json.loads(self.text)


class SimulatedAccount:
    """Answers the calls of one account."""

    def __init__(self, ledger: Ledger, account: str, user: User, settings: Settings) -> None:
        self._ledger, self._user, self._settings = ledger, user, settings
        self._store: AccountStore = ledger.accounts[account]
        self._dates = settings.dates(account)
        self._search = Search(self._store, settings, ledger.clock)

    def answer(self, call: Call, fault: Fault | None = None) -> Answer:
        """Return what answers a call, a list with the lie that a rule of the fault plan wants; raises Refused."""
        if call.method != "GET" and self._user.read_only:
            raise Refused(403, "this user may only read")
        name = call.resource
        if call.method == "GET":
            return Answer(200, self._get(name, call.key, call.query, fault))
        if call.method == "POST" and name in {"Services", "ServiceProduct"} and not call.key:
            made = self._create(name, call.body)
            return Answer(201, b'{"ok":true,"id":%d}' % made, made)
        if call.method == "DELETE" and name in {"Services", "ServiceProduct"} and not call.key:
            self._disconnect(name, call.body)
            return Answer(200, b'{"ok":true}')
        known = {*CATALOGUES, "Services", "ServiceProduct"}
        raise Refused(405 if name in known else 404, f"no {call.method} {call.path}")

    def _get(self, name: str, key: str, asked: Mapping[str, str], fault: Fault | None) -> bytes:
        if name == "SystemStatus":
            return b'{"ok":true,"status":"OK"}'
        if name == "Services" and key:
            found = self._store.shown.get(integer(key, "service_id"))
            if found is None or not self._may_see(customer_of(found)):
                raise Refused(404, f"there is no service {key}")
            return self._store.wire.text(found, self._dates)
        records = self._search.records(name)
        if records is None or key:
            raise Refused(404, f"there is no {name}")
        number = integer(asked.get("page", "1"), "page")
        repeats = fault is not None and fault.effect == "page_repeats" and number > 1
        page = self._page(name, records, asked, number - 1 if repeats else number)
        if fault:
            page = lying(page, fault.effect, lambda: self._strangers(records, page, asked))
        text = page.text(self._store, self._dates)
        if fault and fault.effect == "list_shifts":
            shift(self._ledger, self._store, fault, page.records)
        return text

    def _page(self, name: str, records: Mapping[int, BaseModel], asked: Mapping[str, str], number: int) -> Page:
        size = integer(asked.get("page_size", str(DEFAULT_PAGE_SIZE)), "page_size")
        if not 1 <= size <= LARGEST_PAGE_SIZE or number < 1:
            raise Refused(400, f"page_size must be 1 to {LARGEST_PAGE_SIZE} and page at least 1")
        limited = self._user.customers is not None and name in {"Services", "ServiceProduct", "Customers"}
        keys = self._search.found(name, asked, *([lambda one: self._may_see(customer_of(one))] if limited else []))
        return cut(keys[::-1] if self._settings.list_order == "newest_first" else keys, records, number, size)

    def _strangers(self, records: Mapping[int, BaseModel], page: Page, asked: Mapping[str, str]) -> Iterator[BaseModel]:
        """Yield records of other customers, or at least others than those asked for."""
        shown = {id(one) for one in page.records}
        for one in records.values():
            if id(one) not in shown and str(customer_of(one)) != asked.get("customer_id"):
                yield one

    def _create(self, name: str, body: Any) -> int:
        model = Service if name == "Services" else ServiceProduct
        own_key = "service_id" if name == "Services" else "service_product_id"
        if not isinstance(body, dict) or own_key in body:
            raise Refused(400, f"a JSON object without {own_key} is expected")
        try:
            record = model.model_validate(body)
        except ValidationError as error:
            raise Refused(400, "; ".join(f"{one['loc'][0]}: {one['msg']}" for one in error.errors())) from None
        record = record.model_copy(update=self._date())
        lag = self._settings.search_lag_seconds
        if isinstance(record, Service):
            self._check_service(record)
            return numbered(self._ledger.create_service(self._store.name, record, search_lag=lag).service_id)
        self._known("service_id", record.service_id, self._store.services)
        self._known("product_id", record.product_id, self._store.products)
        self._check_customer(self._store.services[record.service_id].customer_id)
        return numbered(self._ledger.create_product(self._store.name, record, search_lag=lag).service_product_id)

    def _date(self) -> dict[str, datetime]:
        """Return the date that the vendor's clock shows on what it creates, if that is another than the true one."""
        off = self._settings.clock_off_seconds
        return {"created_date": as_naive_utc(self._ledger.now()) + timedelta(seconds=off)} if off else {}

    def _check_service(self, service: Service) -> None:
        self._known("customer_id", service.customer_id, self._store.customers)
        self._check_customer(service.customer_id)
        self._known("provider_id", service.provider_id, self._store.providers)
        for field, known in (
            ("service_type_id", self._store.service_types),
            ("package_id", self._store.packages),
            ("usage_plan_group_id", self._store.usage_plan_groups),
        ):
            value = getattr(service, field)
            if value is not None:
                self._known(field, value, known)

    def _disconnect(self, name: str, body: Any) -> None:
        key = "service_id" if name == "Services" else "service_product_id"
        if not isinstance(body, dict) or not isinstance(body.get(key), int):
            raise Refused(400, f"{key} is required")
        day = body.get("effective_date")
        on = self._dates.utc(moment(str(day), "effective_date")) if day else as_naive_utc(self._ledger.now())
        if name == "Services":
            self._known(key, body[key], self._store.services)
            line = self._store.services[body[key]]
            self._check_customer(line.customer_id)
            self._ledger.disconnect_service(self._store.name, line, on)
        else:
            self._known(key, body[key], self._store.service_products)
            product = self._store.service_products[body[key]]
            self._check_customer(product.customer_id)
            self._ledger.disconnect_product(self._store.name, product, on)

    def _check_customer(self, customer_id: int) -> None:
        if not self._may_see(customer_id):
            raise Refused(403, "this user may not write for this customer")

    def _known(self, field: str, value: int, known: Mapping[int, object]) -> None:
        if value not in known:
            raise Refused(400, f"{field} {value} does not exist")

    def _may_see(self, customer_id: int | None) -> bool:
        return self._user.customers is None or customer_id in self._user.customers
