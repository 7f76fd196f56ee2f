"""The Rev.io client: one pooled `requests` session per process and account, errors split by what the caller can do.

Which answer means what is decided by method and moment, not only by status: see `_judge` and the failure table of the
Rev.io contract. No header and no personal data ever reaches an error's text.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from device_association.errors import (
    ConfigurationError,
    RevioError,
    RevioOutcomeUnknown,
    RevioRejected,
    RevioRetryable,
    RevioUnauthorized,
)

PAGE_SIZE = 500
BODY_LIMIT = 16 * 1024 * 1024
"""Most bytes of an answer that are read; a page of 500 lines is well under one MiB."""
SHOWN_BODY = 300
WAIT_IN_TEXT = re.compile(r"try again in (\d+)", re.IGNORECASE)
MARKUP = re.compile(r"<[^>]+>|\s+")
MOMENT = re.compile(r"^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,7}))?(Z|[+-]\d{2}:?\d{2})?)?$")


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
            raise ConfigurationError(
                f"connection {self.name}: the login must be login@clientcode with exactly one '@'; correct the connection"
            )
        if not (self.base_url and self.password and self.subscription_key):
            raise ConfigurationError(
                f"connection {self.name}: host, password and the extra 'subscription_key' are needed; complete the connection"
            )

    def __repr__(self) -> str:
        return f"Account({self.name!r})"


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: to connect, of silence while an answer is read, and of the whole call."""

    connect: float = 5.0
    read: float = 25.0
    call: float = 40.0


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
    """Speaks to one Rev.io account. Safe to use from several threads."""

    def __init__(
        self, account: Account, *, timeouts: Timeouts | None = None, connections: int = 16, session: Any = None
    ) -> None:
        self.account = account
        self._timeouts = timeouts or Timeouts()
        self._base = account.base_url.rstrip("/")
        self._session = session or _session(account, connections)

    def create_line(self, body: Mapping[str, object]) -> int:
        """Create a service line and return its id. One call is one billed line: never repeat it blindly."""
        return self._create("/v1/Services", body)

    def create_product(self, body: Mapping[str, object]) -> int:
        """Add a product to a line and return the id of the addition."""
        return self._create("/v1/ServiceProduct", body)

    def lines(self, **filters: object) -> Iterator[Line]:
        """Yield the lines that match all filters, each once; what Rev.io returns beside them is the caller's to check."""
        seen: set[int] = set()
        for record in self._pages("/v1/Services", filters):
            line = _line(record)
            if line is not None and line.service_id not in seen:
                seen.add(line.service_id)
                yield line

    def products(self, service_id: int) -> Iterator[Product]:
        """Yield the products of a line that are not disconnected or denied."""
        for record in self._pages("/v1/ServiceProduct", {"service_id": service_id}):
            if record.get("service_id") == service_id and record.get("status") not in {"DISCONNECTED", "DENIED"}:
                yield Product(record["service_product_id"], record["product_id"], str(record.get("status")))

    def check_credentials(self) -> None:
        """Return when Rev.io accepts the credentials, raise RevioUnauthorized when not."""
        self._call("GET", "/v1/SystemStatus")

    def _create(self, path: str, body: Mapping[str, object]) -> int:
        sent = {name: _wire(value) for name, value in body.items() if value is not None}
        answer = self._call("POST", path, json_body=sent)
        created = answer.get("id") if isinstance(answer, dict) and answer.get("ok", True) is True else None
        if not isinstance(created, int) or isinstance(created, bool) or created <= 0:
            raise RevioOutcomeUnknown(f"POST {path} was answered without a positive id", status=201)
        return created

    def _pages(self, path: str, filters: Mapping[str, object]) -> Iterator[dict[str, Any]]:
        page = 1
        while True:
            answer = self._call("GET", path, params={**filters, "page": page, "page_size": PAGE_SIZE})
            records = answer.get("records") if isinstance(answer, dict) else None
            if not isinstance(records, list):
                raise RevioRetryable(f"GET {path} was answered without records", status=200)
            yield from (record for record in records if isinstance(record, dict))
            if not records or not answer.get("has_more"):
                return
            page += 1

    def _call(
        self, method: str, path: str, *, params: Mapping[str, Any] | None = None, json_body: object = None
    ) -> Any:
        deadline = time.monotonic() + self._timeouts.call
        try:
            response = self._session.request(
                method,
                self._base + path,
                params=params,
                json=json_body,
                timeout=(self._timeouts.connect, self._timeouts.read),
                stream=True,
                allow_redirects=False,
            )
            with response:
                body = _read(response, deadline)
        except requests.exceptions.RequestException as problem:
            raise _transport_error(method, path, problem) from None
        return _judge(method, path, response, body)


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


def parse_moment(text: object) -> datetime | None:
    """Return the instant of a date as Rev.io writes it (no zone: UTC); null, "" and year 1 mean no date."""
    found = MOMENT.match(text.strip()) if isinstance(text, str) else None
    if found is None or int(found[1]) <= 1:
        return None
    fraction = f".{found[7][:6]:0<6}" if found[7] else ""
    clock = f"{found[4] or '00'}:{found[5] or '00'}:{found[6] or '00'}{fraction}"
    moment = datetime.fromisoformat(f"{found[1]}-{found[2]}-{found[3]}T{clock}{found[8] or '+00:00'}")
    return moment.astimezone(UTC)


def _session(account: Account, connections: int) -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    session.auth = (account.login, account.password)
    session.headers.update({"Ocp-Apim-Subscription-Key": account.subscription_key, "Accept": "application/json"})
    adapter = HTTPAdapter(pool_connections=1, pool_maxsize=connections, max_retries=0)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def _read(response: requests.Response, deadline: float) -> bytes:
    """Read the body, no more than the limit and no longer than the whole call may take."""
    body = bytearray()
    for chunk in response.iter_content(64 * 1024):
        body += chunk
        if len(body) > BODY_LIMIT:
            raise requests.exceptions.ContentDecodingError("the answer is longer than the limit")
        if time.monotonic() > deadline:
            raise requests.exceptions.ReadTimeout("the answer took longer than a call may take")
    return bytes(body)


def _transport_error(method: str, path: str, problem: Exception) -> RevioError:
    """Return what a call without an answer means: never sent, or, for a POST, perhaps acted on."""
    said = f"{method} {path}: {type(problem).__name__}"
    if isinstance(problem, requests.exceptions.ConnectTimeout) or _never_sent(problem):
        return RevioRetryable(f"{said}, Rev.io could not be reached")
    if method == "POST":
        return RevioOutcomeUnknown(f"{said}, no answer to a call that may have been acted on")
    return RevioRetryable(f"{said}, no answer")


def _never_sent(problem: Exception) -> bool:
    names = {type(one).__name__ for one in _chain(problem)}
    return bool(names & {"NewConnectionError", "NameResolutionError", "ConnectTimeoutError", "ConnectionRefusedError"})


def _chain(problem: BaseException) -> Iterator[BaseException]:
    pending: list[object] = [problem]
    while pending:
        one = pending.pop()
        if isinstance(one, BaseException):
            yield one
            pending += [*one.args, one.__cause__, getattr(one, "reason", None)]


def _judge(method: str, path: str, response: requests.Response, body: bytes) -> Any:
    """Return the parsed answer of a call that succeeded, or raise what its status means for this method."""
    status = response.status_code
    said = f"{method} {path} was answered {status}: {_shown(body)}"
    wait = _wait(response, body)
    if status == 429 or (status == 403 and wait is not None):
        raise RevioRetryable(said, status=status, retry_after=wait)
    if status in (401, 403):
        raise RevioUnauthorized(said, status=status)
    if 200 <= status < 300:
        return _parsed(method, said, status, body)
    if 300 <= status < 500 and status != 408:
        raise RevioRejected(said, status=status)
    raise (RevioOutcomeUnknown if method == "POST" else RevioRetryable)(said, status=status)


def _parsed(method: str, said: str, status: int, body: bytes) -> Any:
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    if isinstance(answer, dict) and answer.get("ok") is not False:
        return answer
    raise (RevioOutcomeUnknown if method == "POST" else RevioRetryable)(said, status=status)


def _wait(response: requests.Response, body: bytes) -> float | None:
    """Return the seconds that a turned-away call is told to wait: by header, or only by the text of the body."""
    header = response.headers.get("Retry-After", "")
    if header.isdigit():
        return float(header)
    found = WAIT_IN_TEXT.search(body[:2000].decode("utf-8", "replace")) if response.status_code == 429 else None
    return float(found[1]) if found else None


def _shown(body: bytes) -> str:
    """Return the start of an error's body, without markup, for a person to read."""
    return MARKUP.sub(" ", body[:4000].decode("utf-8", "replace")).strip()[:SHOWN_BODY] or "(empty)"


def _line(record: Mapping[str, Any]) -> Line | None:
    service_id = record.get("service_id")
    if not isinstance(service_id, int):
        return None
    return Line(
        service_id=service_id,
        customer_id=record.get("customer_id"),
        number=record.get("number") or None,
        number2=record.get("number2") or None,
        created=parse_moment(record.get("created_date")),
        disconnected=parse_moment(record.get("disconnected_date")),
    )


def _wire(value: object) -> object:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, date):
        return f"{value:%Y-%m-%d}T00:00:00"
    return value
