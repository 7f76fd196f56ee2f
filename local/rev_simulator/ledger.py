"""Everything that ever happened at the simulated vendor, in order: the journal, the stores it adds up to, the state file.

An effect is one entry: written to the state file, then applied to the store. A restart applies the entries again.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict

from local.rev_simulator.seed import Account, Customer, Seed, Service, ServiceProduct
from local.rev_simulator.state_file import StateFile
from local.rev_simulator.store import AccountStore, numbered

Kind = Literal[
    "seeded", "customer_planted", "service_created", "service_disconnected", "product_created", "product_disconnected"
]

Record = TypeVar("Record", Service, ServiceProduct)


class Entry(BaseModel):
    """One effect. A planted one was put there through the control API and is nobody's creation."""

    model_config = ConfigDict(frozen=True)

    kind: Kind
    at: datetime
    account: str | None = None
    planted: bool = False
    visible_at: float | None = None
    seed: Seed | None = None
    customer: Customer | None = None
    service: Service | None = None
    product: ServiceProduct | None = None


class Ledger:
    """The only writer of the stores. Not thread-safe: the server's one event loop is what keeps it consistent."""

    def __init__(self, seed: Seed, state_file: StateFile, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self.accounts: dict[str, AccountStore] = {}
        self.journal: list[Entry] = []
        self._texts: list[bytes] = []
        self._by_number2: defaultdict[str, list[int]] = defaultdict(list)
        self._state_file = state_file
        for line in state_file.lines():
            self._apply(Entry.model_validate_json(line), line)
        if not self.journal:
            self._record(Entry(kind="seeded", at=self.now(), seed=seed))

    @property
    def seed(self) -> Seed:
        """The seed everything started from."""
        seed = self.journal[0].seed
        assert seed is not None
        return seed

    def now(self) -> datetime:
        """Return the vendor's time."""
        return datetime.fromtimestamp(self.clock(), UTC)

    def reset(self, seed: Seed) -> None:
        """Forget everything and start from the seed."""
        self._state_file.clear()
        self._record(Entry(kind="seeded", at=self.now(), seed=seed))

    def plant_customer(self, account: str, customer: Customer) -> None:
        """Add or replace a customer, as if it had always been there."""
        self._record(Entry(kind="customer_planted", at=self.now(), account=account, customer=customer, planted=True))

    def create_service(
        self, account: str, service: Service, *, planted: bool = False, search_lag: float = 0.0
    ) -> Service:
        """Store a new line, with its package's products, and return it with its id."""
        at, store = self.now(), self.accounts[account]
        if service.service_id in store.services:
            raise ValueError(f"there is a line {service.service_id} already")
        complete = _completed(service, "service_id", store.next_service_id(), at)
        visible_at = at.timestamp() + search_lag if search_lag else None
        self._record(
            Entry(
                kind="service_created", at=at, account=account, service=complete, planted=planted, visible_at=visible_at
            )
        )
        self._add_package(store, complete, planted, search_lag)
        return complete

    def create_product(
        self, account: str, product: ServiceProduct, *, planted: bool = False, search_lag: float = 0.0
    ) -> ServiceProduct:
        """Store a new product on a line and return it with its id."""
        at, store = self.now(), self.accounts[account]
        complete = _completed(product, "service_product_id", store.next_service_product_id(), at)
        visible_at = at.timestamp() + search_lag if search_lag else None
        self._record(
            Entry(
                kind="product_created", at=at, account=account, product=complete, planted=planted, visible_at=visible_at
            )
        )
        return complete

    def disconnect_service(self, account: str, service: Service, on: datetime) -> None:
        """End a line; its products stay as they are."""
        ended = service.model_copy(update={"disconnected_date": on})
        self._record(Entry(kind="service_disconnected", at=self.now(), account=account, service=ended))

    def disconnect_product(self, account: str, product: ServiceProduct, on: datetime) -> None:
        """End a product on a line."""
        ended = product.model_copy(update={"disconnected_date": on, "status": "DISCONNECTED"})
        self._record(Entry(kind="product_disconnected", at=self.now(), account=account, product=ended))

    def _add_package(self, store: AccountStore, service: Service, planted: bool, search_lag: float) -> None:
        package = store.packages.get(service.package_id or 0)
        for product_id in package.product_ids if package else ():
            product = ServiceProduct(
                service_id=numbered(service.service_id),
                product_id=product_id,
                customer_id=service.customer_id,
                package_id=service.package_id,
                rate=store.products[product_id].rate if product_id in store.products else 0,
                activated_date=service.activated_date,
            )
            self.create_product(store.name, product, planted=planted, search_lag=search_lag)

    def journal_text(self, account: str | None, number2: str | None) -> bytes:
        """Return what happened after the start as a JSON array: everything, or of one account, or to one SIM's lines."""
        at = self._by_number2.get(number2, []) if number2 is not None else range(1, len(self.journal))
        return b"[" + b",".join(self._texts[n] for n in at if account in (None, self.journal[n].account)) + b"]"

    def _record(self, entry: Entry) -> None:
        text = entry.model_dump_json(exclude_none=True).encode()
        self._state_file.append(text)
        self._apply(entry, text)

    def _apply(self, entry: Entry, text: bytes) -> None:
        if entry.seed is not None:
            self.accounts = {account.name: _store(account) for account in entry.seed.accounts}
            self.journal, self._texts, self._by_number2 = [], [], defaultdict(list)
        elif entry.account is not None:
            _change(self.accounts[entry.account], entry)
        if entry.service is not None and entry.service.number2 is not None:
            self._by_number2[entry.service.number2].append(len(self.journal))
        self.journal.append(entry)
        # The seed's own text can be megabytes, and nobody asks for it.
        self._texts.append(b"" if entry.seed else text)


def _store(account: Account) -> AccountStore:
    store, opened = AccountStore(account), datetime(2024, 1, 1, tzinfo=UTC)
    for service in sorted(account.services, key=lambda one: one.service_id is None):
        store.put_service(_completed(service, "service_id", store.next_service_id(), opened))
    for product in sorted(account.service_products, key=lambda one: one.service_product_id is None):
        store.put_service_product(_completed(product, "service_product_id", store.next_service_product_id(), opened))
    return store


def _change(store: AccountStore, entry: Entry) -> None:
    """Apply one entry. A disconnect carries the record as it is afterwards."""
    if entry.customer is not None:
        store.put_customer(entry.customer)
    elif entry.kind == "service_created" and entry.service is not None:
        store.put_service(entry.service, entry.visible_at)
    elif entry.kind == "product_created" and entry.product is not None:
        store.put_service_product(entry.product, entry.visible_at)
    elif entry.service is not None:
        store.services[numbered(entry.service.service_id)] = entry.service
    elif entry.product is not None:
        store.service_products[numbered(entry.product.service_product_id)] = entry.product


def _completed(record: Record, key: str, free: int, at: datetime) -> Record:
    """Return the record with an id and a creation date, keeping what it came with."""
    update: dict[str, Any] = {}
    if getattr(record, key) is None:
        update[key] = free
    if record.created_date is None:
        update["created_date"] = at.replace(tzinfo=None)
    return record.model_copy(update=update)
