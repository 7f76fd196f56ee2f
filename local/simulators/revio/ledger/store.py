"""What one simulated Rev.io account holds, indexed the way it is asked for."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime

from local.simulators.revio.ledger.records import RawRecord, Shown, customer_of, value_of, written
from local.simulators.revio.ledger.seed import Account, Customer, Service, ServiceProduct
from local.simulators.revio.ledger.wire import Wire

FIRST_SERVICE_ID = 11_027
FIRST_SERVICE_PRODUCT_ID = 50_001


class AccountStore:
    """The records of one account. Nothing here decides anything; `Ledger` is who writes."""

    def __init__(self, account: Account) -> None:
        self.name = account.name
        self.client_code = account.client_code
        self.subscription_key = account.subscription_key
        self.users = {user.login: user for user in account.users}
        self.customers = {one.customer_id: one for one in account.customers}
        self.providers = {one.provider_id: one for one in account.providers}
        self.service_types = {one.service_type_id: one for one in account.service_types}
        self.packages = {one.package_id: one for one in account.packages}
        self.products = {one.product_id: one for one in account.products}
        self.usage_plan_groups = {one.usage_plan_group_id: one for one in account.usage_plan_groups}
        self.services: dict[int, Service] = {}
        self.shown: dict[int, Shown] = {}
        """The lines, and raw records beside them: what the list of lines shows."""
        self.service_products: dict[int, ServiceProduct] = {}
        self.wire = Wire()
        self._all: list[int] = []
        self._by_customer: defaultdict[int | None, list[int]] = defaultdict(list)
        self._by_number: defaultdict[str, list[int]] = defaultdict(list)
        self._by_number2: defaultdict[str, list[int]] = defaultdict(list)
        self._all_products: list[int] = []
        self._products_of: defaultdict[int, list[int]] = defaultdict(list)
        self._hidden: dict[int, float] = {}
        self._hidden_products: dict[int, float] = {}
        self._last_service_id = FIRST_SERVICE_ID - 1
        self._last_service_product_id = FIRST_SERVICE_PRODUCT_ID - 1

    def put_customer(self, customer: Customer) -> None:
        """Add or replace a customer."""
        self.customers[customer.customer_id] = customer

    def put_service(self, service: Service, visible_at: float | None = None) -> None:
        """Add a line; lists do not show it before `visible_at` (seconds since 1970)."""
        key = numbered(service.service_id)
        self.services[key] = service
        self._last_service_id = max(self._last_service_id, key)
        self._show(key, service)
        if visible_at is not None:
            self._hidden[key] = visible_at

    def put_record(self, record: RawRecord) -> None:
        """Add a raw record."""
        self._show(record.key, record)

    def replace_service(self, service: Service) -> None:
        """Put a line as it is now in the place of the line as it was."""
        key = numbered(service.service_id)
        self._hide(key)
        self.services[key] = service
        self._show(key, service)

    def remove_line(self, record: Shown) -> None:
        """Forget a line or a raw record."""
        key = record.key if isinstance(record, RawRecord) else numbered(record.service_id)
        self._hide(key)
        self.services.pop(key, None)

    def hide_for_a_while(self, key: int, until: float) -> None:
        """Leave a line out of lists until that moment (seconds since 1970); its id still finds it."""
        self._hidden[key] = until

    def put_service_product(self, product: ServiceProduct, visible_at: float | None = None) -> None:
        """Add a product to its line; lists do not show it before `visible_at`."""
        key = numbered(product.service_product_id)
        self.service_products[key] = product
        self._last_service_product_id = max(self._last_service_product_id, key)
        insort(self._all_products, key)
        insort(self._products_of[product.service_id], key)
        if visible_at is not None:
            self._hidden_products[key] = visible_at

    def next_service_id(self) -> int:
        """Return an id no line has had."""
        key = self._last_service_id + 1
        while key in self.shown:
            key += 1
        return key

    def next_service_product_id(self) -> int:
        """Return an id no product on a line has had."""
        return self._last_service_product_id + 1

    def find_services(
        self, *, customer_id: int | None, number: str | None, number2: str | None, now: float
    ) -> Sequence[int]:
        """Return the ids of the lines a search finds at this moment, in order. The caller must not change them."""
        keys = self._candidates(customer_id, number, number2)
        if (customer_id, number, number2).count(None) < 2:
            keys = [key for key in keys if _is(self.shown[key], customer_id, number, number2)]
        return _shown(keys, self._hidden, now)

    def find_service_products(self, service_id: int | None, now: float) -> Sequence[int]:
        """Return the ids of the products of one line, or of all of them. The caller must not change them."""
        keys = self._all_products if service_id is None else self._products_of.get(service_id, [])
        return _shown(keys, self._hidden_products, now)

    def line_of_another_sim(self, customer_id: object, number2: object) -> int | None:
        """Return the newest line of a customer, else of anybody, with another number2 than this."""
        others = [key for key, line in self.services.items() if line.number2 != number2]
        of_the_same = [key for key in others if self.services[key].customer_id == customer_id]
        return max(of_the_same or others, default=None)

    def product_of_another_line(self, service_id: object) -> int | None:
        """Return the newest product on a line that isn't this one."""
        keys = (key for key in reversed(self._all_products) if self.service_products[key].service_id != service_id)
        return next(keys, None)

    def active_services(self, now: datetime) -> Iterator[Service]:
        """Yield the lines that are billed."""
        for service in self.services.values():
            if service.disconnected_date is None or service.disconnected_date > now:
                yield service

    def _show(self, key: int, record: Shown) -> None:
        """Put a record into every list that has it, in order: no list of 25,000 lines is sorted for each page."""
        self.shown[key] = record
        for keys in self._lists(record):
            insort(keys, key)

    def _hide(self, key: int) -> None:
        for keys in self._lists(self.shown.pop(key)):
            del keys[bisect_left(keys, key)]

    def _lists(self, record: Shown) -> Iterator[list[int]]:
        yield self._all
        yield self._by_customer[customer_of(record)]
        yield self._by_number[written(value_of(record, "number"))]
        yield self._by_number2[written(value_of(record, "number2"))]

    def _candidates(self, customer_id: int | None, number: str | None, number2: str | None) -> Sequence[int]:
        if number2 is not None:
            return self._by_number2.get(number2, [])
        if number is not None:
            return self._by_number.get(number, [])
        if customer_id is not None:
            return self._by_customer.get(customer_id, [])
        return self._all


def _is(line: Shown, customer_id: int | None, number: str | None, number2: str | None) -> bool:
    return (
        customer_id in (None, customer_of(line))
        and number in (None, written(value_of(line, "number")))
        and number2 in (None, written(value_of(line, "number2")))
    )


def _shown(keys: Sequence[int], hidden: dict[int, float], now: float) -> Sequence[int]:
    for key in [key for key, visible_at in hidden.items() if visible_at <= now]:
        del hidden[key]
    return [key for key in keys if key not in hidden] if hidden else keys


def numbered(key: int | None) -> int:
    """Return the id of a stored record: all of them have one."""
    if key is None:
        raise ValueError("a record without an id can't be stored")
    return key
