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

from local.simulators.revio.ledger.records import RawRecord, whole_number
from local.simulators.revio.ledger.seed import Account, Customer, Seed, Service, ServiceProduct
from local.simulators.revio.ledger.state_file import StateFile
from local.simulators.revio.ledger.store import AccountStore, numbered

Kind = Literal[
    "seeded", "customer_planted", "record_planted", "record_deleted", "service_created", "service_moved",
    "service_renumbered", "service_sim_swapped", "service_disconnected", "service_reactivated", "service_deleted",
    "product_created", "product_disconnected",
]  # fmt: skip
By = Literal["api", "control", "person"]
"""Who did it: a call of the API, whoever plants things through the control API, or a person at the vendor."""

Record = TypeVar("Record", Service, ServiceProduct)


class Entry(BaseModel):
    """One effect. A planted one came through the control API and is no call's creation; a person's is planted too.

    `before` is the line as it was before a person changed it, `record` what was planted as raw JSON.
    """

    model_config = ConfigDict(frozen=True)

    kind: Kind
    at: datetime
    account: str | None = None
    planted: bool = False
    by: By = "api"
    visible_at: float | None = None
    seed: Seed | None = None
    customer: Customer | None = None
    service: Service | None = None
    before: Service | None = None
    record: RawRecord | None = None
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
        self._note("customer_planted", account, by="control", customer=customer)

    def plant_record(self, account: str, fields: dict[str, Any], customer: int | None) -> int:
        """Add a raw record to the list of lines and return the key under which it is found."""
        store = self.accounts[account]
        own = whole_number(fields.get("service_id"))
        key = store.next_service_id() if own is None or own in store.shown else own
        record = RawRecord(key=key, customer=customer, fields=fields)
        self._note("record_planted", account, by="control", record=record)
        return key

    def delete_record(self, account: str, record: RawRecord, *, by: By) -> None:
        """Take a raw record out of the list of lines."""
        self._note("record_deleted", account, by=by, record=record)

    def create_service(self, account: str, service: Service, *, by: By = "api", search_lag: float = 0.0) -> Service:
        """Store a new line, with its package's products, and return it with its id."""
        at, store = self.now(), self.accounts[account]
        if service.service_id in store.shown:
            raise ValueError(f"there is a line {service.service_id} already")
        complete = _completed(service, "service_id", store.next_service_id(), at)
        visible_at = at.timestamp() + search_lag if search_lag else None
        self._note("service_created", account, by=by, service=complete, visible_at=visible_at)
        self._add_package(store, complete, by, search_lag)
        return complete

    def change_service(self, account: str, kind: Kind, before: Service, after: Service, *, by: By) -> None:
        """Change a line, or delete it."""
        self._note(kind, account, by=by, service=after, before=before)

    def create_product(
        self, account: str, product: ServiceProduct, *, by: By = "api", search_lag: float = 0.0
    ) -> ServiceProduct:
        """Store a new product on a line and return it with its id."""
        at, store = self.now(), self.accounts[account]
        complete = _completed(product, "service_product_id", store.next_service_product_id(), at)
        visible_at = at.timestamp() + search_lag if search_lag else None
        self._note("product_created", account, by=by, product=complete, visible_at=visible_at)
        return complete

    def disconnect_service(self, account: str, service: Service, on: datetime) -> None:
        """End a line; its products stay as they are."""
        ended = service.model_copy(update={"disconnected_date": on})
        self._note("service_disconnected", account, service=ended)

    def disconnect_product(self, account: str, product: ServiceProduct, on: datetime) -> None:
        """End a product on a line."""
        ended = product.model_copy(update={"disconnected_date": on, "status": "DISCONNECTED"})
        self._note("product_disconnected", account, product=ended)

    def _add_package(self, store: AccountStore, service: Service, by: By, search_lag: float) -> None:
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
            self.create_product(store.name, product, by=by, search_lag=search_lag)

    def journal_text(self, account: str | None, number2: str | None) -> bytes:
        """Return what happened after the start as a JSON array: everything, or of one account, or to one SIM's lines."""
        at = self._by_number2.get(number2, []) if number2 is not None else range(1, len(self.journal))
        return b"[" + b",".join(self._texts[n] for n in at if account in (None, self.journal[n].account)) + b"]"

    def _note(self, kind: Kind, account: str, *, by: By = "api", **about: Any) -> None:
        self._record(Entry(kind=kind, at=self.now(), account=account, by=by, planted=by != "api", **about))

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
        for number2 in {one.number2 for one in (entry.before, entry.service) if one and one.number2 is not None}:
            self._by_number2[number2].append(len(self.journal))
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
    elif entry.record is not None:
        store.put_record(entry.record) if entry.kind == "record_planted" else store.remove_line(entry.record)
    elif entry.kind == "service_deleted" and entry.before is not None:
        store.remove_line(entry.before)
    elif entry.service is not None:
        store.replace_service(entry.service)
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
