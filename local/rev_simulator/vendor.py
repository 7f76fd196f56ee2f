"""What the vendor does with a call that was let in: lists, creates and disconnects, in the shapes of the contract."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ValidationError

from local.rev_simulator.ledger import Ledger
from local.rev_simulator.seed import Service, ServiceProduct, User
from local.rev_simulator.settings import Settings
from local.rev_simulator.store import AccountStore

DEFAULT_PAGE_SIZE, LARGEST_PAGE_SIZE = 10, 500
EMPTY_DATES = {"null": None, "blank": "", "year_one": "0001-01-01T00:00:00"}
CATALOGUES = {
    "Customers": "customers",
    "Providers": "providers",
    "ServiceTypes": "service_types",
    "Packages": "packages",
    "Products": "products",
    "UsagePlanGroups": "usage_plan_groups",
}


class Refused(Exception):
    """The call is refused with a status and a reason, in the vendor's shape."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"ok": False, "error": message}


class Vendor:
    """Answers the calls of one account."""

    def __init__(self, ledger: Ledger, account: str, user: User, settings: Settings) -> None:
        self._ledger, self._user, self._settings = ledger, user, settings
        self._store: AccountStore = ledger.accounts[account]

    def answer(self, method: str, path: str, query: Mapping[str, str], body: Any) -> tuple[int, Any]:
        """Return the status and the body that answer a call; raises Refused."""
        if method != "GET" and self._user.read_only:
            raise Refused(403, "this user may only read")
        name, _, key = path.removeprefix("/v1/").partition("/")
        asked = {name.removeprefix("search."): value for name, value in query.items()}
        if method == "GET":
            return 200, self._get(name, key, asked)
        if method == "POST" and name in {"Services", "ServiceProduct"} and not key:
            return 201, self._create(name, body)
        if method == "DELETE" and name in {"Services", "ServiceProduct"} and not key:
            return 200, self._disconnect(name, body)
        raise Refused(405 if name in {*CATALOGUES, "Services", "ServiceProduct"} else 404, f"no {method} {path}")

    def _get(self, name: str, key: str, asked: Mapping[str, str]) -> Any:
        if name == "SystemStatus":
            return {"ok": True, "status": "OK"}
        if name == "Services" and key:
            found = self._store.services.get(_int(key, "service_id"))
            if found is None or not self._may_see(found.customer_id):
                raise Refused(404, f"there is no service {key}")
            return self._shown(found)
        if name == "Services":
            return self._page(self._find_services(asked), asked)
        if name == "ServiceProduct":
            line = asked.get("service_id")
            listed = self._store.find_service_products(_int(line, "service_id") if line else None)
            return self._page((one for one in listed if asked.get("status") in (None, one.status)), asked)
        if name in CATALOGUES and not key:
            return self._page(getattr(self._store, CATALOGUES[name]).values(), asked)
        raise Refused(404, f"there is no {name}")

    def _find_services(self, asked: Mapping[str, str]) -> Iterable[Service]:
        customer, since = asked.get("customer_id"), asked.get("created_date_start")
        start = datetime.fromisoformat(since).replace(tzinfo=None) if since else None
        found = self._store.find_services(
            customer_id=_int(customer, "customer_id") if customer else None,
            number=asked.get("number"),
            number2=asked.get("number2"),
            now=self._ledger.clock(),
        )
        return (
            one
            for one in found
            if self._may_see(one.customer_id) and (start is None or (one.created_date and one.created_date >= start))
        )

    def _page(self, records: Iterable[BaseModel], asked: Mapping[str, str]) -> dict[str, Any]:
        size = _int(asked.get("page_size", str(DEFAULT_PAGE_SIZE)), "page_size")
        page = _int(asked.get("page", "1"), "page")
        if not 1 <= size <= LARGEST_PAGE_SIZE or page < 1:
            raise Refused(400, f"page_size must be 1 to {LARGEST_PAGE_SIZE} and page at least 1")
        everything = list(records)
        part = everything[(page - 1) * size : page * size]
        shown = [self._shown(one) for one in part]
        return {"ok": True, "has_more": page * size < len(everything), "record_count": len(part), "records": shown}

    def _create(self, name: str, body: Any) -> dict[str, Any]:
        model = Service if name == "Services" else ServiceProduct
        own_key = "service_id" if name == "Services" else "service_product_id"
        if not isinstance(body, dict) or own_key in body:
            raise Refused(400, f"a JSON object without {own_key} is expected")
        try:
            record = model.model_validate(body)
        except ValidationError as error:
            raise Refused(400, "; ".join(f"{one['loc'][0]}: {one['msg']}" for one in error.errors())) from None
        if isinstance(record, Service):
            self._check_service(record)
            lag = self._settings.search_lag_seconds
            return {"ok": True, "id": self._ledger.create_service(self._store.name, record, search_lag=lag).service_id}
        self._known("service_id", record.service_id, self._store.services)
        self._known("product_id", record.product_id, self._store.products)
        return {"ok": True, "id": self._ledger.create_product(self._store.name, record).service_product_id}

    def _check_service(self, service: Service) -> None:
        self._known("customer_id", service.customer_id, self._store.customers)
        if not self._may_see(service.customer_id):
            raise Refused(403, "this user may not write for this customer")
        self._known("provider_id", service.provider_id, self._store.providers)
        for field, known in (
            ("service_type_id", self._store.service_types),
            ("package_id", self._store.packages),
            ("usage_plan_group_id", self._store.usage_plan_groups),
        ):
            value = getattr(service, field)
            if value is not None:
                self._known(field, value, known)

    def _disconnect(self, name: str, body: Any) -> dict[str, Any]:
        key = "service_id" if name == "Services" else "service_product_id"
        if not isinstance(body, dict) or not isinstance(body.get(key), int):
            raise Refused(400, f"{key} is required")
        on = datetime.fromisoformat(str(body.get("effective_date") or self._ledger.now().isoformat())).replace(
            tzinfo=None
        )
        if name == "Services":
            self._known(key, body[key], self._store.services)
            self._ledger.disconnect_service(self._store.name, self._store.services[body[key]], on)
        else:
            self._known(key, body[key], self._store.service_products)
            self._ledger.disconnect_product(self._store.name, self._store.service_products[body[key]], on)
        return {"ok": True}

    def _known(self, field: str, value: int, known: Mapping[int, object]) -> None:
        if value not in known:
            raise Refused(400, f"{field} {value} does not exist")

    def _may_see(self, customer_id: int) -> bool:
        return self._user.customers is None or customer_id in self._user.customers

    def _shown(self, record: BaseModel) -> dict[str, Any]:
        shown = record.model_dump(mode="json")
        empty = EMPTY_DATES[self._settings.empty_date]
        return {name: empty if value is None and name.endswith("_date") else value for name, value in shown.items()}


def _int(text: str | None, field: str) -> int:
    try:
        return int(text or "")
    except ValueError:
        raise Refused(400, f"{field} must be a whole number, {text!r} was sent") from None
