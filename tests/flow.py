"""Runs a change through its steps in the order of the DAG, without Airflow around them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from threading import Lock
from typing import Any

from sqlalchemy import Engine, TableClause, select, text

from device_association.associations import associate as associations
from device_association.bulk_changes import claims, close
from device_association.bulk_changes.claims import Claim
from device_association.bulk_changes.close import Closed
from device_association.database.dialects import from_driver
from device_association.database.execution import changed, run
from device_association.domain.errors import RevioError
from device_association.requests import validate
from device_association.requests.create import Created, create_bulk_change
from device_association.revio.accounts import Account
from device_association.revio.client import Product
from device_association.revio.lines import SENT, Line
from device_association.revio.listings import Listing
from device_association.service_lines import create as line_creation
from device_association.service_lines import plan as line_planning
from device_association.service_lines.context import SliceContext
from device_association.settings import Settings
from local.sample_data import world
from local.sample_data.portal_tables import named

ACCOUNT = Account("revio", "https://restapi.example", "login@client", "password", "key")
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@dataclass
class Rev:
    """Stands for one Rev.io account where the wire does not matter: it keeps lines, and answers as it is told."""

    kept: list[Line] = field(default_factory=list)
    account: Account = ACCOUNT
    products_kept: list[dict[str, Any]] = field(default_factory=list)
    refusing: dict[str, list[RevioError]] = field(default_factory=dict)
    refusing_products: list[RevioError] = field(default_factory=list)
    posts: int = 0
    ends: list[int] = field(default_factory=list)
    product_ends: list[int] = field(default_factory=list)
    refusing_ends: dict[int, list[RevioError]] = field(default_factory=dict)
    refusing_product_ends: list[RevioError] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def create_line(self, body: dict[str, Any]) -> int:
        with self.lock:
            self.posts += 1
            service_id = 1000 + self.posts
            line = line_from(service_id, body, NOW)
            waiting = self.refusing.get(body["number2"], [])
            error = waiting.pop(0) if waiting else None
            if error is None or getattr(error, "committed", False):
                self.kept.append(line)
        if error is not None:
            raise error
        return service_id

    def create_product(self, body: dict[str, Any]) -> int:
        if self.refusing_products:
            raise self.refusing_products.pop(0)
        self.products_kept.append(body)
        return 7000 + len(self.products_kept)

    def end_line(self, service_id: int, on: date) -> None:
        with self.lock:
            waiting = self.refusing_ends.get(service_id, [])
            error = waiting.pop(0) if waiting else None
            if error is None or getattr(error, "committed", False):
                self.ends.append(service_id)
                midnight = datetime.combine(on, time(), UTC)
                self.kept = [
                    replace(line, disconnected=midnight) if line.service_id == service_id else line
                    for line in self.kept
                ]
        if error is not None:
            raise error

    def end_product(self, service_product_id: int, on: date, *, prorate: bool) -> None:
        error = self.refusing_product_ends.pop(0) if self.refusing_product_ends else None
        if error is None or getattr(error, "committed", False):
            self.product_ends.append(service_product_id)
        if error is not None:
            raise error

    def line(self, service_id: int) -> Line | None:
        return next((line for line in self.kept if line.service_id == service_id), None)

    def lines(self, *, on_page: Any = None, created_date_start: datetime | None = None, **filters: Any) -> Listing:
        since = created_date_start or datetime.min.replace(tzinfo=UTC)
        return Listing(
            tuple(
                line
                for line in self.kept
                if all(getattr(line, name) == value for name, value in filters.items())
                and (line.created is None or line.created >= since)
            )
        )

    def products(self, service_id: int) -> Iterator[Product]:
        yield from ()

    def lines_of(self, iccid: str) -> list[Line]:
        return [line for line in self.kept if line.number2 == iccid]


def line_from(service_id: int, body: dict[str, Any], created: datetime) -> Line:
    """Return the line that a call with this body creates."""
    activated = body.get("activated_date")
    sent: dict[str, Any] = {name: body.get(name) for name in SENT}
    return Line(
        service_id,
        created=created,
        disconnected=None,
        activated=activated and datetime.combine(activated, time(), UTC),
        **sent,
    )


@dataclass
class Clock:
    """A clock that the test owns."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def pass_seconds(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def seconds(self) -> float:
        """Return the time as seconds since 1970, as `time.time` does."""
        return self.now.timestamp()


def request(devices: Sequence[str], **more: Any) -> dict[str, Any]:
    """Return a request for the sample world's Acme, with a line for each device unless told otherwise."""
    asked = {
        "ServiceProviderId": world.JASPER,
        "Devices": list(devices),
        "RevCustomerId": world.ACME,
        "CreateRevService": True,
        "ServiceTypeId": world.SERVICE_TYPE,
        "ProviderId": world.PROVIDER,
    }
    return asked | more


def settings(**more: Any) -> Settings:
    return Settings(queue_url="http://queue", rev_concurrency=4, rev_retry_window_seconds=0.1, **more)


def read_table(portal: Engine, schema: str, name: str, **where: Any) -> list[dict[str, Any]]:
    """Return the rows of a table from either database alike: lower-case names, instants in UTC."""
    table = named(f"{schema}.{name}", *where)
    conditions = [table.c[column] == value for column, value in where.items()]
    with portal.connect() as connection:
        found = connection.execute(select(text("*")).select_from(table).where(*conditions).order_by(text("1")))
        columns = [column.lower() for column in found.keys()]  # noqa: SIM118 -- a result is no dict
        return [dict(zip(columns, map(from_driver, one), strict=True)) for one in found]


@dataclass
class Flow:
    """One change on its way; every step can be run again."""

    portal: Engine
    docs: Path
    rev: Any = field(default_factory=Rev)
    clock: Clock = field(default_factory=Clock)
    settings: Settings = field(default_factory=settings)

    def create(self, sent: dict[str, Any], user: str = "dora.ops", run_id: str | None = None) -> Created:
        return create_bulk_change(self.portal, sent, user_name=user, now=self.clock(), max_devices=1000, run_id=run_id)

    def open(self, change_id: int, run_id: str = "run", lives: Any = lambda _: True, retry: int | None = None) -> Claim:
        return claims.take_claim(
            self.portal, change_id, retry_number=retry, run_id=run_id, is_run_active=lives, now=self.clock()
        )

    def check(self, claim: Claim) -> None:
        """Validate, and open the gate as the data checks do, without the seconds that their import takes."""
        validate.validate_devices(self.portal, claim, now=self.clock())
        claims.holding(
            self.portal,
            claim,
            self.clock(),
            lambda c: changed(
                c,
                "data_checks/begin_checked_rows",
                first_row_id=0,
                last_row_id=2**62,
                bulk_change_id=claim.bulk_change_id,
                actor=claim.actor,
                now=self.clock(),
            ),
        )

    def context(self, claim: Claim) -> SliceContext:
        return SliceContext(self.portal, claim, lambda _: self.rev, self.settings, self.clock)

    def plan(self, claim: Claim) -> list[int]:
        return line_planning.plan_rev_services(self.portal, claim, lambda _: self.rev, self.settings, clock=self.clock)

    def lines(self, claim: Claim, *, last_try: bool = False) -> list[dict[str, int]]:
        slices = self.plan(claim)
        return [line_creation.create_rev_services(self.context(claim), number, last_try=last_try) for number in slices]

    def associate(self, claim: Claim) -> dict[str, int]:
        counts = associations.associate_devices(self.portal, claim, clock=self.clock)
        associations.update_cross_provider_device_history(self.portal, claim, now=self.clock())
        associations.update_device_rev_service_links(self.portal, claim, now=self.clock())
        return counts

    def close(self, claim: Claim, failed: Sequence[str] = ()) -> Closed:
        return close.close_bulk_change(self.portal, claim, failed_steps=failed, now=self.clock())

    def run(self, sent: dict[str, Any], form_run: str | None = None) -> Closed:
        """Bring a request to its end, of the portal or of a run of the form."""
        claim = self.open(self.create(sent, run_id=form_run).change_id, run_id=form_run or "run")
        self.check(claim)
        self.lines(claim)
        self.associate(claim)
        return self.close(claim)

    def status(self, change_id: int) -> str:
        (change,) = self.all("dbo", "devicebulkchange", id=change_id)
        return str(change["status"])

    def codes(self, change_id: int) -> dict[str, str]:
        """Return each ICCID's code; rows without one show their state."""
        found = self.all("dbo", "m2m_devicechange", bulkchangeid=change_id)
        return {one["iccid"]: one["errorcode"] or one["status"] for one in found}

    def all(self, schema: str, name: str, **where: Any) -> list[dict[str, Any]]:
        """Return the rows of a table, as dictionaries, in the order of their first column."""
        return read_table(self.portal, schema, name, **where)

    def table(self, schema: str, name: str) -> TableClause:
        with self.portal.connect() as connection:
            none = connection.execute(text(f"SELECT * FROM {schema}.{name} WHERE 1 = 0"))
            return named(f"{schema}.{name}", *map(str.lower, none.keys()))

    def stop(self, claim: Claim, code: str, reason: str) -> None:
        with self.portal.begin() as connection:
            run(
                connection,
                "bulk_changes/insert_stop",
                code=code,
                actor="dora.ops",
                reason=reason,
                now=self.clock(),
                **claim.key,
            )

    def statement(self, name: str, **binds: Any) -> list[dict[str, Any]]:
        """Return the rows of a statement as dictionaries, whatever their type."""
        with self.portal.connect() as connection:
            found = run(connection, name, **binds)
            columns = tuple(found.keys())
            return [dict(zip(columns, map(from_driver, one), strict=True)) for one in found]
