"""The Rev.io client: one set of pooled connections per process and account, errors split by what the caller can do.

One call is `calls`: how it travels is `transport`, how long it may take `bounded_calls`, what its answer means `responses`.
No header and no personal data ever reaches an error's text.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from itertools import chain
from typing import Any

from device_association.domain.errors import RecordUnreadable, RevioError, RevioRejected, RevioRetryable
from device_association.revio.accounts import Account
from device_association.revio.bounded_calls import BoundedTransport
from device_association.revio.calls import RevioCalls, make_transport, wire_values
from device_association.revio.lines import Line, line_of
from device_association.revio.listings import Listing, agree
from device_association.revio.pages import read_pages
from device_association.revio.responses import AnswerReader, whole
from device_association.revio.transport import Answer, Timeouts

PRODUCTS = "/v1/ServiceProduct"
MAX_PASSES = 4
"""How often a list of several pages is read until two passes agree. Source: the Rev.io contract, 'Duplicates', 2."""
ENDED = frozenset({"DISCONNECTED", "DENIED"})
"""The states of a product that is not billed."""
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Product:
    """A product on a line, as Rev.io lists it."""

    service_product_id: int
    product_id: int
    status: str


class RevioClient:
    """Speaks to one Rev.io account. Safe to use from several threads.

    `before_call` is called before every request but those that create or end something, whose permit the caller takes; what
    it raises ends the call unsent. `after_call` is called after every request, with the error it ended in or None.
    """

    def __init__(
        self,
        account: Account,
        *,
        timeouts: Timeouts | None = None,
        connections: int = 16,
        before_call: Callable[[], None] | None = None,
        after_call: Callable[[RevioError | None], None] | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        transport: BoundedTransport | None = None,
    ) -> None:
        self.account = account
        self._clock = clock
        secrets = (account.password, account.subscription_key, account.token(), account.login)
        self._reader = AnswerReader(account.name, secrets, clock)
        self._products_are_found = False
        transport = transport or make_transport(account, timeouts or Timeouts(), connections=connections)
        self._calls = RevioCalls(account, self._reader, transport, before_call, after_call)

    def create_line(self, body: Mapping[str, object]) -> int:
        """Create a service line and return its id. One call is one billed line: never repeat it blindly."""
        return self._create("/v1/Services", body)

    def create_product(self, body: Mapping[str, object]) -> int:
        """Add a product to a line and return the id of the addition."""
        return self._create(PRODUCTS, body)

    def end_line(self, service_id: int, on: date) -> None:
        """Disconnect a service line. Whether Rev.io takes a second call for it is not known: never repeat it blindly."""
        self._end("/v1/Services", {"service_id": service_id, "effective_date": on}, service_id)

    def end_product(self, service_product_id: int, on: date, *, prorate: bool) -> None:
        """Disconnect a product of a line; never repeat it blindly."""
        body = {"service_product_id": service_product_id, "effective_date": on, "generate_proration": prorate}
        self._end(PRODUCTS, body, service_product_id)

    def line(self, service_id: int) -> Line | None:
        """Return a line by its id as it is now, or None where Rev.io shows none."""
        path = f"/v1/Services/{service_id}"
        try:
            record = self._calls.send("GET", path, partial(self._reader.parsed, "GET", path))
        except RevioRejected as refused:
            if refused.status == 404:
                return None
            raise
        if whole(record.get("service_id")) != service_id:
            raise RevioRetryable(f"{self.account.name}: GET {path} was answered with something else", status=200)
        return line_of(record, self.account.zone)

    def lines(self, *, on_page: Callable[[], None] | None = None, **filters: object) -> Listing:
        """Return the lines that match all filters, each once; what Rev.io returns beside them is the caller's to check.

        A list of several pages may shift while it is read: it is read again until two passes show the same lines, and what
        any pass showed is returned. `is_stable` says whether two passes agreed within MAX_PASSES; one with a page that shows
        nothing but what an earlier page did counts for none: another page may have stood there. `on_page` is called before
        each page.
        """
        found: dict[str, Line] = {}
        before: dict[str, Line] | None = None
        looked = self._clock()
        for _ in range(MAX_PASSES):
            began = self._clock()
            lines: dict[str, Line] = {}
            pages = repeats = 0
            for page in read_pages(self._calls, "/v1/Services", filters, on_page):
                shown = {line.key: line for line in map(self._line, page)}
                repeats += bool(pages and page) and not shown.keys() - lines.keys()
                lines |= shown
                pages += 1
            found |= lines
            if not repeats and (pages == 1 or (before is not None and agree(before, lines, looked))):
                return Listing(tuple(found.values()))
            before, looked = lines, began
        log.warning(
            "%s: the list of lines by %s shifts while it is read", self.account.name, sorted(filters) or "nothing"
        )
        return Listing(tuple(found.values()), is_stable=False)

    def _line(self, record: Mapping[str, Any]) -> Line:
        return line_of(record, self.account.zone)

    def products(self, service_id: int) -> list[Product]:
        """Return the products of a line that are not disconnected or denied.

        A list of several pages is read until two passes show the same, as `lines` does. Raises RecordUnreadable where nobody
        can say which products the line has: a record lacks an id, the list shifts, or it shows nothing though the filter on
        lines is not proven to find products.
        """
        found: dict[int, Product] = {}
        before: set[str] | None = None
        for _ in range(MAX_PASSES):
            pages = list(read_pages(self._calls, PRODUCTS, {"service_id": service_id}))
            records = list(chain.from_iterable(pages))
            found |= {product.service_product_id: product for product in self._products_of(service_id, records)}
            shown = {json.dumps(record, sort_keys=True) for record in records}
            if not records and not self._finds_products():
                raise RecordUnreadable(
                    f"{self.account.name}: no product of line {service_id} is listed, nor is one of a line that has one; "
                    "have Rev.io's filter on service_id mended"
                )
            if len(pages) == 1 or shown == before:
                return list(found.values())
            before = shown
        raise RecordUnreadable(
            f"{self.account.name}: the list of products of line {service_id} shifts each time that it is read"
        )

    def _products_of(self, service_id: int, records: Iterable[Mapping[str, Any]]) -> Iterator[Product]:
        for record in records:
            status = str(record.get("status")).strip().upper()
            ids = {name: whole(record.get(name)) for name in ("service_product_id", "product_id", "service_id")}
            addition, product, line = ids.values()
            if line not in (None, service_id) or status in ENDED:
                continue
            if addition is None or product is None or line is None:
                flaw = ", ".join(f"{name} {record.get(name)!r:.60}" for name, one in ids.items() if one is None)
                said = f"{self.account.name}: a product of line {service_id} is listed with {flaw}"
                raise RecordUnreadable(f"{said}; have its record corrected in Rev.io")
            yield Product(addition, product, status)

    def _finds_products(self) -> bool:
        """Whether the filter on lines finds a product that the account shows; proven once, it counts for the client."""
        if not self._products_are_found:
            control = next(
                (one for one in next(read_pages(self._calls, PRODUCTS, {})) if whole(one.get("service_id"))), None
            )
            if control is None:
                return True
            shown = chain.from_iterable(read_pages(self._calls, PRODUCTS, {"service_id": whole(control["service_id"])}))
            name = "service_product_id"
            self._products_are_found = any(one.get(name) == control.get(name) for one in shown)
        return self._products_are_found

    def check_credentials(self) -> None:
        """Return when Rev.io accepts the credentials, raise RevioUnauthorized when not."""
        path = "/v1/SystemStatus"
        self._calls.send("GET", path, partial(self._reader.accept, "GET", path))

    def call(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """Make any one call and return the object that answers it; its errors are those of its method."""
        return self._calls.send(method, path, partial(self._reader.parsed, method, path), body=body)

    def _create(self, path: str, body: Mapping[str, object]) -> int:
        return self._calls.send(
            "POST", path, partial(self._reader.created, path), body=wire_values(body), has_permit=True
        )

    def _end(self, path: str, body: Mapping[str, object], ends: int) -> None:
        """Disconnect what has the id `ends`, which is also what a late answer brings."""

        def read(answer: Answer) -> int:
            self._reader.parsed("DELETE", path, answer)
            return ends

        self._calls.send("DELETE", path, read, body=wire_values(body), has_permit=True)
