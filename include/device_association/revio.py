"""The Rev.io client: one set of pooled connections per process and account, errors split by what the caller can do.

How a call travels is `revio_transport`, what its answer means is `revio_answers`. No header and no personal data ever
reaches an error's text.
"""

from __future__ import annotations

import logging
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from typing import Any, TypeVar
from urllib.parse import urlsplit

from device_association.errors import ConfigurationError, RevioError, RevioRejected, RevioRetryable
from device_association.revio_answers import AnswerReader, parse_moment, whole
from device_association.revio_transport import Answer, NoAnswer, Timeouts, Transport

__all__ = ["Account", "Line", "Product", "RevioClient", "Timeouts", "match_lines", "parse_moment"]

PAGE_SIZE = 500
MOST_PAGES = 2000
"""A customer with a million lines; a list that goes on is not to be trusted."""
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

    def __post_init__(self) -> None:
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

    def token(self) -> str:
        """Return what follows `Basic` in the Authorization header."""
        return b64encode(f"{self.login}:{self.password}".encode()).decode()

    def _refused(self, why: str) -> ConfigurationError:
        return ConfigurationError(f"connection {self.name}: {why}")


@dataclass(frozen=True, slots=True)
class Line:
    """A service line as Rev.io lists it; only what is needed of it."""

    service_id: int
    customer_id: int | None
    number: str | None
    number2: str | None
    created: datetime | None
    disconnected: datetime | None

    def is_active(self, now: datetime) -> bool:
        """Whether the line is billed: it has no disconnect date, or one in the future."""
        return self.disconnected is None or self.disconnected > now


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
        transport: Transport | None = None,
    ) -> None:
        self.account = account
        self._before_call, self._after_call = before_call, after_call
        secrets = (account.password, account.subscription_key, account.token(), account.login)
        self._reader = AnswerReader(account.name, secrets, clock)
        self._transport = transport or make_transport(account, timeouts or Timeouts(), connections=connections)

    def create_line(self, body: Mapping[str, object]) -> int:
        """Create a service line and return its id. One call is one billed line: never repeat it blindly."""
        return self._create("/v1/Services", body)

    def create_product(self, body: Mapping[str, object]) -> int:
        """Add a product to a line and return the id of the addition."""
        return self._create("/v1/ServiceProduct", body)

    def end_line(self, service_id: int, on: date) -> None:
        """Disconnect a service line. Whether Rev.io takes a second call for it is not known: never repeat it blindly."""
        self._end("/v1/Services", {"service_id": service_id, "effective_date": on})

    def end_product(self, service_product_id: int, on: date, *, prorate: bool) -> None:
        """Disconnect a product of a line; never repeat it blindly."""
        body = {"service_product_id": service_product_id, "effective_date": on, "generate_proration": prorate}
        self._end("/v1/ServiceProduct", body)

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
        return _line(service_id, record)

    def lines(self, **filters: object) -> Iterator[Line]:
        """Yield the lines that match all filters, each once; what Rev.io returns beside them is the caller's to check."""
        for service_id, record in self._records("/v1/Services", "service_id", filters):
            yield _line(service_id, record)

    def products(self, service_id: int) -> Iterator[Product]:
        """Yield the products of a line that are not disconnected or denied."""
        for addition, record in self._records("/v1/ServiceProduct", "service_product_id", {"service_id": service_id}):
            product, status = whole(record.get("product_id")), str(record.get("status")).upper()
            if product and whole(record.get("service_id")) == service_id and status not in {"DISCONNECTED", "DENIED"}:
                yield Product(addition, product, status)

    def check_credentials(self) -> None:
        """Return when Rev.io accepts the credentials, raise RevioUnauthorized when not."""
        path = "/v1/SystemStatus"
        self._call("GET", path, partial(self._reader.accept, "GET", path))

    def call(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """Make any one call and return the object that answers it; its errors are those of its method."""
        return self._call(method, path, partial(self._reader.parsed, method, path), body=body)

    def _create(self, path: str, body: Mapping[str, object]) -> int:
        return self._call("POST", path, partial(self._reader.created, path), body=_wire(body), has_slot=True)

    def _end(self, path: str, body: Mapping[str, object]) -> None:
        self._call("DELETE", path, partial(self._reader.parsed, "DELETE", path), body=_wire(body), has_slot=True)

    def _records(self, path: str, id_name: str, filters: Mapping[str, object]) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield each record once, with its id. A page that brings nothing new is the last, whatever Rev.io says of it."""
        seen: set[int] = set()
        for page in range(1, MOST_PAGES + 1):
            query = _wire({**filters, "page": page, "page_size": PAGE_SIZE})
            records, more = self._call("GET", path, partial(self._reader.page, path), query=query)
            new: dict[int, dict[str, Any]] = {}
            unread = 0
            for record in records:
                found = whole(record.get(id_name)) if isinstance(record, dict) else None
                if found is not None and found not in seen:
                    new.setdefault(found, record)
                unread += found is None
            if unread:
                log.warning("%s: GET %s: %s records without a %s", self.account.name, path, unread, id_name)
            seen |= new.keys()
            yield from new.items()
            if not new or not more:
                return
        raise RevioRetryable(f"{self.account.name}: GET {path} goes on after {MOST_PAGES} pages", status=200)

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
                raise self._reader.no_answer(method, path, problem) from None
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


def make_transport(
    account: Account, timeouts: Timeouts, *, connections: int = 16, verify: bool | str = True
) -> Transport:
    """Return what carries the calls of an account; `verify` may name the file of an authority of one's own."""
    headers = {
        "Accept": "application/json",
        "Authorization": f"Basic {account.token()}",
        "Ocp-Apim-Subscription-Key": account.subscription_key,
    }
    base = account.base_url.rstrip("/").removesuffix("/v1")
    return Transport(base, headers, timeouts, connections=connections, verify=verify)


def match_lines(lines: list[Line], *, iccid: str, msisdn: str | None) -> list[Line]:
    """Return the lines that are this SIM's. Source: the Rev.io contract, 'Duplicates', step 3.

    A match is: number2 or number equals the ICCID; or number equals the MSISDN and number2 is empty. A line with another
    SIM's number2 is no match, however its number reads: MSISDNs are recycled.
    """
    return [
        line
        for line in lines
        if iccid in (line.number, line.number2) or (msisdn and line.number == msisdn and not line.number2)
    ]


def _line(service_id: int, record: Mapping[str, Any]) -> Line:
    return Line(
        service_id=service_id,
        customer_id=whole(record.get("customer_id")),
        number=_text(record.get("number")),
        number2=_text(record.get("number2")),
        created=parse_moment(record.get("created_date")),
        disconnected=parse_moment(record.get("disconnected_date")),
    )


def _text(value: object) -> str | None:
    """Return a number of a line, which is a string, also where it was sent as a number."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value.strip() or None if isinstance(value, str) else None


def _wire(values: Mapping[str, object]) -> dict[str, object]:
    return {name: _wire_value(value) for name, value in values.items() if value is not None}


def _wire_value(value: object) -> object:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, date):
        return f"{value:%Y-%m-%d}T00:00:00"
    return value


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
