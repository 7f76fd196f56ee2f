"""What one simulated Rev.io account holds, indexed the way it is asked for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime

from local.rev_simulator.seed import Account, Customer, Service, ServiceProduct

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
        self.service_products: dict[int, ServiceProduct] = {}
        self._by_customer: defaultdict[int, list[int]] = defaultdict(list)
        self._by_number: defaultdict[str, list[int]] = defaultdict(list)
        self._by_number2: defaultdict[str, list[int]] = defaultdict(list)
        self._products_of: defaultdict[int, list[int]] = defaultdict(list)
        self._visible_at: dict[int, float] = {}
        self._last_service_id = FIRST_SERVICE_ID - 1
        self._last_service_product_id = FIRST_SERVICE_PRODUCT_ID - 1

    def put_customer(self, customer: Customer) -> None:
        """Add or replace a customer."""
        self.customers[customer.customer_id] = customer

    def put_service(self, service: Service, visible_at: float | None = None) -> None:
        """Add a line; searches do not find it before `visible_at` (seconds since 1970)."""
        key = numbered(service.service_id)
        self.services[key] = service
        self._last_service_id = max(self._last_service_id, key)
        self._by_customer[service.customer_id].append(key)
        self._by_number[service.number or ""].append(key)
        self._by_number2[service.number2 or ""].append(key)
        if visible_at is not None:
            self._visible_at[key] = visible_at

    def put_service_product(self, product: ServiceProduct) -> None:
        """Add a product to its line."""
        key = numbered(product.service_product_id)
        self.service_products[key] = product
        self._last_service_product_id = max(self._last_service_product_id, key)
        self._products_of[product.service_id].append(key)

    def next_service_id(self) -> int:
        """Return an id no line has had."""
        return self._last_service_id + 1

    def next_service_product_id(self) -> int:
        """Return an id no product on a line has had."""
        return self._last_service_product_id + 1

    def find_services(
        self, *, customer_id: int | None, number: str | None, number2: str | None, now: float
    ) -> Iterator[Service]:
        """Yield the lines a search finds at this moment, in the order of their ids."""
        for key in sorted(self._candidates(customer_id, number, number2)):
            service = self.services[key]
            if (
                customer_id in (None, service.customer_id)
                and number in (None, service.number)
                and number2 in (None, service.number2)
                and self._visible_at.get(key, 0.0) <= now
            ):
                yield service

    def find_service_products(self, service_id: int | None) -> Iterator[ServiceProduct]:
        """Yield the products of one line, or of all of them."""
        keys = self.service_products if service_id is None else self._products_of.get(service_id, [])
        for key in sorted(keys):
            yield self.service_products[key]

    def active_services(self, now: datetime) -> Iterator[Service]:
        """Yield the lines that are billed."""
        for service in self.services.values():
            if service.disconnected_date is None or service.disconnected_date > now:
                yield service

    def _candidates(self, customer_id: int | None, number: str | None, number2: str | None) -> Iterable[int]:
        if number2 is not None:
            return self._by_number2.get(number2, [])
        if number is not None:
            return self._by_number.get(number, [])
        if customer_id is not None:
            return self._by_customer.get(customer_id, [])
        return self.services


def numbered(key: int | None) -> int:
    """Return the id of a stored record: all of them have one."""
    if key is None:
        raise ValueError("a record without an id can't be stored")
    return key
