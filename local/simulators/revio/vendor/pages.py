"""Lists as the vendor answers them: what is found, cut into pages, and the ways in which a page lies."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from pydantic import BaseModel

from local.simulators.revio.dates import DateStyle
from local.simulators.revio.ledger.store import AccountStore

MIXED_IN = 3


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list."""

    records: Sequence[BaseModel]
    has_more: bool
    before: BaseModel | None = None
    """The last record of the page before."""
    record_count: int | None = None
    """What the page says it holds, where that is not the truth."""

    def text(self, store: AccountStore, dates: DateStyle) -> bytes:
        """Return the page in the vendor's envelope."""
        count = len(self.records) if self.record_count is None else self.record_count
        head = f'{{"ok":true,"has_more":{"true" if self.has_more else "false"},"record_count":{count},"records":['
        return head.encode() + b",".join(store.wire.text(one, dates) for one in self.records) + b"]}"


def cut(keys: Sequence[int], records: Mapping[int, BaseModel], page: int, size: int) -> Page:
    """Return one page of what was found."""
    start = (page - 1) * size
    return Page(
        records=[records[key] for key in keys[start : start + size]],
        has_more=start + size < len(keys),
        before=records[keys[start - 1]] if 0 < start <= len(keys) else None,
    )


def lying(page: Page, effect: str, strangers: Callable[[], Iterable[BaseModel]]) -> Page:
    """Return the page as an effect of the fault plan shows it; `strangers` are records nobody asked for."""
    records = list(page.records)
    match effect:
        case "empty_list":
            return Page([], has_more=False)
        case "wrong_count":
            return replace(page, record_count=len(records) + 1)
        case "repeated_id":
            return replace(page, records=[page.before, *records] if page.before else records + records[-1:])
        case "others_mixed_in":
            return replace(page, records=[*islice(strangers(), MIXED_IN), *records])
        case "has_more_always" | "page_repeats":
            return replace(page, has_more=True)
        case "has_more_never":
            return replace(page, has_more=False)
    return page
