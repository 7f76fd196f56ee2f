"""What a list finds: which filters count today, and which records pass them."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from pydantic import BaseModel

from local.simulators.revio.calls import PAGING
from local.simulators.revio.dates import DateStyle
from local.simulators.revio.ledger.records import RawRecord, value_of, written
from local.simulators.revio.ledger.seed import Service, ServiceProduct, as_naive_utc
from local.simulators.revio.ledger.store import AccountStore
from local.simulators.revio.settings import EVERY_FILTER, Settings
from local.simulators.revio.vendor.parameters import Refused, integer, moment

CATALOGUES = {
    "Customers": "customers",
    "Providers": "providers",
    "ServiceTypes": "service_types",
    "Packages": "packages",
    "Products": "products",
    "UsagePlanGroups": "usage_plan_groups",
}
Test = Callable[[BaseModel], bool]


class Search:
    """The lists of one account under today's settings; the clock gives seconds since 1970."""

    def __init__(self, store: AccountStore, settings: Settings, clock: Callable[[], float]) -> None:
        self._store, self._settings, self._clock = store, settings, clock

    def records(self, name: str) -> Mapping[int, BaseModel] | None:
        """Return what a list is about; None where there is no such list."""
        lists: dict[str, Mapping[int, BaseModel]] = {
            "Services": self._store.shown,
            "ServiceProduct": self._store.service_products,
        }
        return getattr(self._store, CATALOGUES[name]) if name in CATALOGUES else lists.get(name)

    def found(self, name: str, asked: Mapping[str, str], *more: Test) -> Sequence[int]:
        """Return the ids of what a list shows: indexed filters first, then the others one by one; raises Refused."""
        records, filters = self.records(name) or {}, self._filters(asked)
        if filters is None:
            return []
        keys = self._indexed(name, filters) if name in {"Services", "ServiceProduct"} else list(records)
        tests = [
            *more,
            *self._own(name),
            *_tests(filters, _fields(name, records), self._settings.dates(self._store.name)),
        ]
        return [key for key in keys if all(test(records[key]) for test in tests)] if tests else keys

    def _filters(self, asked: Mapping[str, str]) -> dict[str, str] | None:
        """Return the filters that count today; None where they find nothing whatever is there."""
        used, settings = set(asked) - PAGING, self._settings
        for name in settings.refused_filters:
            if name in used:
                raise Refused(400, f"{name} is no filter")
        if used & set(settings.empty_filters) or (used and EVERY_FILTER in settings.empty_filters):
            return None
        ignored = used if EVERY_FILTER in settings.ignored_filters else set(settings.ignored_filters)
        return {name: value for name, value in asked.items() if name in used - ignored}

    def _indexed(self, name: str, filters: dict[str, str]) -> Sequence[int]:
        if name == "ServiceProduct":
            line = filters.pop("service_id", None)
            return self._store.find_service_products(integer(line, "service_id") if line else None, self._clock())
        customer = filters.pop("customer_id", None)
        return self._store.find_services(
            customer_id=integer(customer, "customer_id") if customer else None,
            number=filters.pop("number", None),
            number2=filters.pop("number2", None),
            now=self._clock(),
        )

    def _own(self, name: str) -> Iterator[Test]:
        if name == "Services" and self._settings.lists_hide_disconnected:
            now = as_naive_utc(datetime.fromtimestamp(self._clock(), UTC))
            yield lambda one: isinstance(one, RawRecord) or not _has_ended(one, now)


def _has_ended(line: BaseModel, now: datetime) -> bool:
    ended = value_of(line, "disconnected_date")
    return ended is not None and ended <= now


def _fields(name: str, records: Mapping[int, BaseModel]) -> Container[str]:
    models: dict[str, type[BaseModel]] = {"Services": Service, "ServiceProduct": ServiceProduct}
    if name in models:
        return models[name].model_fields
    return type(next(iter(records.values()))).model_fields if records else {}


def _tests(filters: Mapping[str, str], fields: Container[str], dates: DateStyle) -> Iterator[Test]:
    """Yield what a record must pass; a filter on something that records don't have is ignored."""
    for name, value in filters.items():
        if name == "created_date_start" and "created_date" in fields:
            yield _created_since(moment(value, name), dates)
        elif name in fields:
            yield _equals(name, value)


def _created_since(given: datetime, dates: DateStyle) -> Test:
    """Compare in the account's local time, as the vendor's database does."""
    start = dates.local(given) if given.tzinfo else given

    def test(one: BaseModel) -> bool:
        created = value_of(one, "created_date")
        if isinstance(one, RawRecord):
            return isinstance(created, str) and _read(created) >= start
        return created is not None and dates.local(created) >= start

    return test


def _read(text: str) -> datetime:
    """Return the local time of a raw record's date; the earliest there is where it can't be read."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        return datetime.min  # noqa: DTZ901 - local time without a zone, as all dates here


def _equals(name: str, value: str) -> Test:
    return lambda one: written(value_of(one, name)) == value
