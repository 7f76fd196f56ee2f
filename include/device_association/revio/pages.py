"""The lists of Rev.io, page by page: where one ends, and when it is not to be trusted."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from device_association.domain.errors import RevioRetryable
from device_association.revio.calls import RevioCalls, wire_values

PAGE_SIZE = 500
MAX_PAGES = 2000
"""A customer with a million lines; a list that goes on is not to be trusted."""
MAX_REPEATED_PAGES = 5
"""Consecutive pages without a new record, though more are promised, after which a list is not to be trusted."""
log = logging.getLogger(__name__)


def read_pages(
    calls: RevioCalls, path: str, filters: Mapping[str, object], on_page: Callable[[], None] | None = None
) -> Iterator[list[dict[str, Any]]]:
    """Yield the records of each page. The list ends with an empty page or one that promises no more.

    Raises RevioRetryable for a list that goes on without anything new, or without an end.
    """
    seen: set[str] = set()
    repeated = 0
    for page in range(1, MAX_PAGES + 1):
        if on_page:
            on_page()
        query = wire_values({**_local(filters, calls.account.zone), "page": page, "page_size": PAGE_SIZE})
        answered, more = calls.send("GET", path, partial(calls.reader.page, path), query=query)
        records = [record for record in answered if isinstance(record, dict) and record]
        if len(records) < len(answered):
            log.warning("%s: GET %s: %s empty records", calls.account.name, path, len(answered) - len(records))
        shown = {json.dumps(record, sort_keys=True) for record in records}
        repeated = 0 if shown - seen else repeated + 1
        seen |= shown
        yield records
        if not answered or not more:
            return
        if repeated >= MAX_REPEATED_PAGES:
            break
    raise RevioRetryable(f"{calls.account.name}: GET {path} goes on without an end after {page} pages", status=200)


def _local(filters: Mapping[str, object], zone: ZoneInfo) -> dict[str, object]:
    """Return filters with their instants in the account's zone, in which Rev.io compares them."""
    return {name: value.astimezone(zone) if isinstance(value, datetime) else value for name, value in filters.items()}
