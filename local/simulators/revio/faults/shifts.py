"""Lists that shift between two of their pages: what happens at the vendor once a page has been answered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pydantic import BaseModel

from local.simulators.revio.faults.plan import Fault
from local.simulators.revio.ledger.ledger import Ledger
from local.simulators.revio.ledger.people import Deed, carry_out_all
from local.simulators.revio.ledger.records import RawRecord, Shown, customer_of
from local.simulators.revio.ledger.seed import Service
from local.simulators.revio.ledger.store import AccountStore


def shift(ledger: Ledger, store: AccountStore, fault: Fault, shown: Sequence[BaseModel]) -> None:
    """Let records of a page that was just shown leave the list, or others arrive in front, as the rule says."""
    page = [one for one in shown if isinstance(one, Service | RawRecord)]
    keys = [_key(one) for one in page] if fault.leaves is None else fault.leaves
    if fault.shift == "arrived":
        carry_out_all(ledger, _arrivals(store, page, fault.records))
    elif fault.shift == "hidden":
        for key in keys[: None if fault.leaves else fault.records]:
            store.hide_for_a_while(key, ledger.clock() + fault.seconds)
    else:
        leaving = keys[: None if fault.leaves else fault.records]
        carry_out_all(ledger, (_departure(store, fault, key) for key in leaving if key in store.shown))


def _departure(store: AccountStore, fault: Fault, key: int) -> Deed:
    match fault.shift:
        case "moved":
            own = customer_of(store.shown[key])
            to = fault.to_customer or next((one for one in store.customers if one != own), own)
            return Deed(does="moves", account=store.name, line=key, customer_id=to)
        case "disconnected":
            return Deed(does="disconnects", account=store.name, line=key)
    return Deed(does="deletes", account=store.name, line=key)


def _arrivals(store: AccountStore, page: Sequence[Shown], count: int) -> Iterator[Deed]:
    """Yield new lines of the page's customer that a list shows before the page: with lower ids, or the newest first."""
    if not page:
        return
    first, newest_first = page[0], len(page) > 1 and _key(page[0]) > _key(page[1])
    like = next((one for one in page if isinstance(one, Service)), None)
    below = (key for key in range(_key(first) - 1, 0, -1) if key not in store.shown)
    for _ in range(count if like else 0):
        key = store.next_service_id() if newest_first else next(below, None)
        if like is None or key is None:
            return
        line = Service(
            service_id=key, customer_id=like.customer_id, provider_id=like.provider_id, number2=f"8988{key:015d}"
        )
        yield Deed(does="makes", account=store.name, service=line)


def _key(record: Shown) -> int:
    return record.key if isinstance(record, RawRecord) else int(record.service_id or 0)
