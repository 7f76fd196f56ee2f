"""The Rev.io client: one set of pooled connections per process and account, errors split by what the caller can do.

How a call travels is `transport`, how long it may take is `bounded_calls`, what its answer means is `responses`. No header
and no personal data ever reaches an error's text.
"""

from __future__ import annotations

import json
import logging
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from itertools import chain
from typing import Any, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from device_association.domain.errors import (
    ConfigurationError,
    RecordUnreadable,
    RevioError,
    RevioOutcomeUnknown,
    RevioRejected,
    RevioRetryable,
)
from device_association.revio.bounded_calls import BoundedTransport
from device_association.revio.lines import Line, Listing, agree, line_of
from device_association.revio.no_answer import NoAnswer
from device_association.revio.responses import AnswerReader, parse_moment, whole
from device_association.revio.transport import Answer, Timeouts, Transport

__all__ = ["Account", "Line", "Listing", "Product", "RevioClient", "Timeouts", "parse_moment"]

PRODUCTS = "/v1/ServiceProduct"
PAGE_SIZE = 500
MAX_PAGES = 2000
"""A customer with a million lines; a list that goes on is not to be trusted."""
MAX_REPEATED_PAGES = 5
"""Consecutive pages without a new record, though more are promised, after which a list is not to be trusted."""
MAX_PASSES = 4
"""How often a list of several pages is read until two passes agree. Source: the Rev.io contract, 'Duplicates', 2."""
ENDED = frozenset({"DISCONNECTED", "DENIED"})
"""The states of a product that is not billed."""
T = TypeVar("T")
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Account:
    """One Rev.io account: where it is and how to sign in. The secrets never show."""

    name: str
    base_url: str
    login: str
    password: str
    subscription_key: str
    time_zone: str = "UTC"
    """IANA name of the zone in which Rev.io writes the account's dates."""

    def __post_init__(self) -> None:
        _ = self.zone
        if self.login.count("@") != 1:
            raise self._refused("the login must be login@clientcode with exactly one '@'; correct the connection")
        if not (self.base_url and self.password and self.subscription_key):
            raise self._refused("host, password and the extra 'subscription_key' are needed; complete the connection")
        if not (self.subscription_key.isascii() and self.subscription_key.isprintable()):
            raise self._refused("the extra 'subscription_key' has characters that no header can carry; correct it")
        if not _is_address(self.base_url):
            raise self._refused("the host must read like https://restapi.rev.io; correct the connection")

    def __repr__(self) -> str:
        return f"Account({self.name!r})"

    @property
    def zone(self) -> ZoneInfo:
        """The zone of dates that name none; raises ConfigurationError where there is no such zone."""
        return find_zone(self.name, self.time_zone)

    def token(self) -> str:
        """Return what follows `Basic` in the Authorization header."""
        return b64encode(f"{self.login}:{self.password}".encode()).decode()

    def _refused(self, why: str) -> ConfigurationError:
        return ConfigurationError(f"connection {self.name}: {why}")


@dataclass(frozen=True, slots=True)
class Product:
    """A product on a line, as Rev.io lists it."""

    service_product_id: int
    product_id: int
    status: str


class RevioClient:
    """Speaks to one Rev.io account. Safe to use from several threads.

    `before_call` is called before every request but those that create or end something, whose slot the caller takes; what
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
        self._before_call, self._after_call = before_call, after_call
        self._clock = clock
        secrets = (account.password, account.subscription_key, account.token(), account.login)
        self._reader = AnswerReader(account.name, secrets, clock)
        self._products_are_found = False
        self._transport = transport or make_transport(account, timeouts or Timeouts(), connections=connections)

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
            record = self._call("GET", path, partial(self._reader.parsed, "GET", path))
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
            for page in self._pages("/v1/Services", filters, on_page):
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
            pages = list(self._pages(PRODUCTS, {"service_id": service_id}))
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
            control = next((one for one in next(self._pages(PRODUCTS, {})) if whole(one.get("service_id"))), None)
            if control is None:
                return True
            shown = chain.from_iterable(self._pages(PRODUCTS, {"service_id": whole(control["service_id"])}))
            name = "service_product_id"
            self._products_are_found = any(one.get(name) == control.get(name) for one in shown)
        return self._products_are_found

    def check_credentials(self) -> None:
        """Return when Rev.io accepts the credentials, raise RevioUnauthorized when not."""
        path = "/v1/SystemStatus"
        self._call("GET", path, partial(self._reader.accept, "GET", path))

    def call(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """Make any one call and return the object that answers it; its errors are those of its method."""
        return self._call(method, path, partial(self._reader.parsed, method, path), body=body)

    def _create(self, path: str, body: Mapping[str, object]) -> int:
        return self._call("POST", path, partial(self._reader.created, path), body=_wire(body), has_slot=True)

    def _end(self, path: str, body: Mapping[str, object], ends: int) -> None:
        """Disconnect what has the id `ends`, which is also what a late answer brings."""

        def read(answer: Answer) -> int:
            self._reader.parsed("DELETE", path, answer)
            return ends

        self._call("DELETE", path, read, body=_wire(body), has_slot=True)

    def _local(self, filters: Mapping[str, object]) -> dict[str, object]:
        """Return filters with their instants in the account's zone, in which Rev.io compares them."""
        zone = self.account.zone
        return {
            name: value.astimezone(zone) if isinstance(value, datetime) else value for name, value in filters.items()
        }

    def _pages(
        self, path: str, filters: Mapping[str, object], on_page: Callable[[], None] | None = None
    ) -> Iterator[list[dict[str, Any]]]:
        """Yield the records of each page. The list ends with an empty page or one that promises no more.

        Raises RevioRetryable for a list that goes on without anything new, or without an end.
        """
        seen: set[str] = set()
        repeated = 0
        for page in range(1, MAX_PAGES + 1):
            if on_page:
                on_page()
            query = _wire({**self._local(filters), "page": page, "page_size": PAGE_SIZE})
            answered, more = self._call("GET", path, partial(self._reader.page, path), query=query)
            records = [record for record in answered if isinstance(record, dict) and record]
            if len(records) < len(answered):
                log.warning("%s: GET %s: %s empty records", self.account.name, path, len(answered) - len(records))
            shown = {json.dumps(record, sort_keys=True) for record in records}
            repeated = 0 if shown - seen else repeated + 1
            seen |= shown
            yield records
            if not answered or not more:
                return
            if repeated >= MAX_REPEATED_PAGES:
                break
        raise RevioRetryable(f"{self.account.name}: GET {path} goes on without an end after {page} pages", status=200)

    def _call(
        self,
        method: str,
        path: str,
        read: Callable[[Answer], T],
        *,
        query: Mapping[str, object] | None = None,
        body: object = None,
        has_slot: bool = False,
    ) -> T:
        if self._before_call and not has_slot:
            self._before_call()
        try:
            try:
                answer = self._transport.send(method, path, query or {}, body)
            except NoAnswer as problem:
                doubt = self._reader.no_answer(method, path, problem)
                if problem.late is not None and isinstance(doubt, RevioOutcomeUnknown):
                    doubt.late = _read_late(problem.late, read)
                raise doubt from None
            result = read(answer)
        except RevioError as error:
            self._ended(error)
            raise
        self._ended(None)
        return result

    def _ended(self, error: RevioError | None) -> None:
        try:
            if self._after_call:
                self._after_call(error)
        except Exception:  # whatever it is, it must not cost the id of a line that was created
            log.exception("%s: what is called after each call went wrong", self.account.name)


def find_zone(connection_id: str, name: object) -> ZoneInfo:
    """Return the time zone of this name; raise ConfigurationError, which names the connection, where there is none."""
    try:
        if isinstance(name, str) and name:
            return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        pass
    raise ConfigurationError(
        f"connection {connection_id}: the extra 'time_zone' is {name!r}, which is not the name of a time zone; "
        "give an IANA name like Pacific/Auckland, or leave it out for UTC"
    )


def _read_late(late: Future[Answer], read: Callable[[Answer], T]) -> Future[T]:
    """Return the future of what an answer means that is still to come."""
    found: Future[T] = Future()

    def take(answered: Future[Answer]) -> None:
        try:
            found.set_result(read(answered.result()))
        except (NoAnswer, RevioError) as problem:
            found.set_exception(problem)

    late.add_done_callback(take)
    return found


def make_transport(
    account: Account, timeouts: Timeouts, *, connections: int = 16, verify: bool | str = True
) -> BoundedTransport:
    """Return what carries the calls of an account; `verify` may name the file of an authority of one's own."""
    headers = {
        "Accept": "application/json",
        "Authorization": f"Basic {account.token()}",
        "Ocp-Apim-Subscription-Key": account.subscription_key,
    }
    base = account.base_url.rstrip("/").removesuffix("/v1")
    return BoundedTransport(Transport(base, headers, timeouts, connections=connections, verify=verify))


def _wire(values: Mapping[str, object]) -> dict[str, object]:
    return {name: _wire_value(value) for name, value in values.items() if value is not None}


def _wire_value(value: object) -> object:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%dT%H:%M:%S}"
    if isinstance(value, date):
        return f"{value:%Y-%m-%d}T00:00:00"
    return value


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
