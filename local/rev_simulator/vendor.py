"""What the vendor does with a call that was let in: lists, creates and disconnects, in the shapes of the contract."""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, ValidationError

from local.rev_simulator.calls import Call
from local.rev_simulator.ledger import Ledger
from local.rev_simulator.pages import Page, cut, lying
from local.rev_simulator.seed import Service, ServiceProduct, User, as_naive_utc
from local.rev_simulator.settings import EVERY_FILTER, Settings
from local.rev_simulator.store import AccountStore, numbered

DEFAULT_PAGE_SIZE, LARGEST_PAGE_SIZE = 10, 500
CATALOGUES = {
    "Customers": "customers",
    "Providers": "providers",
    "ServiceTypes": "service_types",
    "Packages": "packages",
    "Products": "products",
    "UsagePlanGroups": "usage_plan_groups",
}
PAGING = {"page", "page_size"}


class Refused(Exception):
    """The call is refused with a status and a reason, in the vendor's shape."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"ok": False, "error": message}


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


class Vendor:
    """Answers the calls of one account."""

    def __init__(self, ledger: Ledger, account: str, user: User, settings: Settings) -> None:
        self._ledger, self._user, self._settings = ledger, user, settings
        self._store: AccountStore = ledger.accounts[account]

    def answer(self, call: Call, lie: str = "") -> Answer:
        """Return what answers a call, a list with the lie that it is to tell; raises Refused."""
        if call.method != "GET" and self._user.read_only:
            raise Refused(403, "this user may only read")
        name = call.resource
        if call.method == "GET":
            return Answer(200, self._get(name, call.key, call.query, lie))
        if call.method == "POST" and name in {"Services", "ServiceProduct"} and not call.key:
            made = self._create(name, call.body)
            return Answer(201, b'{"ok":true,"id":%d}' % made, made)
        if call.method == "DELETE" and name in {"Services", "ServiceProduct"} and not call.key:
            self._disconnect(name, call.body)
            return Answer(200, b'{"ok":true}')
        known = {*CATALOGUES, "Services", "ServiceProduct"}
        raise Refused(405 if name in known else 404, f"no {call.method} {call.path}")

    def _get(self, name: str, key: str, asked: Mapping[str, str], lie: str) -> bytes:
        if name == "SystemStatus":
            return b'{"ok":true,"status":"OK"}'
        if name == "Services" and key:
            found = self._store.services.get(_int(key, "service_id"))
            if found is None or not self._may_see(found.customer_id):
                raise Refused(404, f"there is no service {key}")
            return self._store.wire.text(found, self._settings.empty_date)
        records = self._records(name)
        if records is None or key:
            raise Refused(404, f"there is no {name}")
        page = self._page(name, records, asked)
        if lie:
            page = lying(page, lie, lambda: self._strangers(records, page, asked))
        return page.text(self._store, self._settings.empty_date)

    def _records(self, name: str) -> Mapping[int, BaseModel] | None:
        """Return what a list is about."""
        lists: dict[str, Mapping[int, BaseModel]] = {
            "Services": self._store.services,
            "ServiceProduct": self._store.service_products,
        }
        return getattr(self._store, CATALOGUES[name]) if name in CATALOGUES else lists.get(name)

    def _page(self, name: str, records: Mapping[int, BaseModel], asked: Mapping[str, str]) -> Page:
        size = _int(asked.get("page_size", str(DEFAULT_PAGE_SIZE)), "page_size")
        page = _int(asked.get("page", "1"), "page")
        if not 1 <= size <= LARGEST_PAGE_SIZE or page < 1:
            raise Refused(400, f"page_size must be 1 to {LARGEST_PAGE_SIZE} and page at least 1")
        keys = self._found(name, records, self._filters(asked))
        return cut(keys[::-1] if self._settings.list_order == "newest_first" else keys, records, page, size)

    def _filters(self, asked: Mapping[str, str]) -> dict[str, str]:
        """Return the filters that count today."""
        for name in self._settings.refused_filters:
            if name in asked:
                raise Refused(400, f"{name} is no filter")
        ignored = {*PAGING, *self._settings.ignored_filters}
        return {name: value for name, value in asked.items() if name not in ignored and EVERY_FILTER not in ignored}

    def _found(self, name: str, records: Mapping[int, BaseModel], filters: dict[str, str]) -> Sequence[int]:
        """Return the ids of what a list shows: indexed filters first, then the others one by one."""
        if name == "Services":
            customer = filters.pop("customer_id", None)
            keys = self._store.find_services(
                customer_id=_int(customer, "customer_id") if customer else None,
                number=filters.pop("number", None),
                number2=filters.pop("number2", None),
                now=self._ledger.clock(),
            )
        elif name == "ServiceProduct":
            line = filters.pop("service_id", None)
            keys = self._store.find_service_products(_int(line, "service_id") if line else None, self._ledger.clock())
        else:
            keys = list(records)
        fields = type(next(iter(records.values()))).model_fields if records else {}
        tests = [*self._only_own(name), *_tests(filters, fields)]
        return [key for key in keys if all(test(records[key]) for test in tests)] if tests else keys

    def _only_own(self, name: str) -> list[Callable[[Any], bool]]:
        limited = self._user.customers is not None and name in {"Services", "ServiceProduct", "Customers"}
        return [lambda one: self._may_see(one.customer_id)] if limited else []

    def _strangers(self, records: Mapping[int, BaseModel], page: Page, asked: Mapping[str, str]) -> Iterator[BaseModel]:
        """Yield records of other customers, or at least others than those asked for."""
        shown = {id(one) for one in page.records}
        for one in records.values():
            if id(one) not in shown and str(getattr(one, "customer_id", "")) != asked.get("customer_id"):
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
        on = _moment(str(day), "effective_date") if day else as_naive_utc(self._ledger.now())
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

    def _may_see(self, customer_id: int) -> bool:
        return self._user.customers is None or customer_id in self._user.customers


def _tests(filters: Mapping[str, str], fields: Container[str]) -> Iterator[Callable[[Any], bool]]:
    """Yield what a record must pass; a filter on something that records don't have is ignored."""
    for name, value in filters.items():
        if name == "created_date_start" and "created_date" in fields:
            yield _created_since(_moment(value, name))
        elif name in fields:
            yield _equals(name, value)


def _created_since(start: datetime) -> Callable[[Any], bool]:
    return lambda one: one.created_date is not None and one.created_date >= start


def _equals(name: str, value: str) -> Callable[[Any], bool]:
    return lambda one: str(getattr(one, name)) == value


def _moment(text: str, field: str) -> datetime:
    try:
        return as_naive_utc(datetime.fromisoformat(text))
    except ValueError:
        raise Refused(400, f"{field} must be a date, {text!r} was sent") from None


def _int(text: str | None, field: str) -> int:
    try:
        return int(text or "")
    except ValueError:
        raise Refused(400, f"{field} must be a whole number, {text!r} was sent") from None
