"""Plants differences between portal, mirror and Rev.io into the sample world, each with what must be found of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, delete, insert, update

from device_association.domain.errors import RevioRejected
from device_association.revio.lines import Line
from local.sample_data import groups, world
from local.sample_data.portal_tables import named
from local.sample_data.seed import known_lines
from tests.flow import Flow, Rev, request

OLD = datetime(2026, 2, 1, 8, 0, tzinfo=UTC)
"""When everything was written that nobody touched since."""
Found = set[tuple[str, str]]
"""Kinds with their subjects."""
STRANGE_SIM = "8901260999999999999"
UNUSED = range(201, 2001)
"""Devices of the sample world that nothing here is about: each comparison would read them."""


@dataclass
class Differences:
    """The sample world with its Rev.io, in which nothing differs until something is planted."""

    flow: Flow
    rev: Rev = field(default_factory=Rev)
    expected: Found = field(default_factory=set)
    planted: int = 0

    def __post_init__(self) -> None:
        self.flow.rev = self.rev
        self.rev.kept = [_listed(one) for one in known_lines()]
        self._forget_devices()
        for table in ("dbo.revservice", "dbo.device_tenant", "dbo.device", "dbo.devicebulkchange"):
            self.put(table, {}, createddate=OLD, modifieddate=None)

    def _forget_devices(self) -> None:
        with self.portal.begin() as connection:
            for name, number in (("dbo.device_tenant", "deviceid"), ("dbo.device", "id")):
                table = named(name, number)
                connection.execute(delete(table).where(table.c[number].between(UNUSED[0], UNUSED[-1])))

    @property
    def portal(self) -> Engine:
        return self.flow.portal

    def put(self, name: str, where: dict[str, Any], **values: Any) -> None:
        """Write columns of the rows that match."""
        table = named(name, *where, *values)
        with self.portal.begin() as connection:
            matches = [table.c[column] == value for column, value in where.items()]
            connection.execute(update(table).where(*matches).values(**values))

    def tell(self, service_id: int, **values: Any) -> None:
        """Let Rev.io say something else of a line."""
        self.rev.kept = [replace(one, **values) if one.service_id == service_id else one for one in self.rev.kept]

    def add_line(self, service_id: int, sim: str, at: datetime, customer: str = world.ACME, **mirror: Any) -> None:
        """Add a line that both Rev.io and the mirror know."""
        self.rev.kept.append(Line(service_id, int(customer), None, sim, at, None))
        row = {
            "revserviceid": service_id,
            "revcustomerid": world.customer_id(customer),
            "number2": sim,
            "activateddate": at,
            "integrationauthenticationid": world.ACCOUNT,
            "createddate": at,
        } | mirror
        with self.portal.begin() as connection:
            connection.execute(insert(named("dbo.revservice", *row)).values(**row))

    def forget(self, service_id: int) -> None:
        """Take a line out of the mirror, with the links to it."""
        (line,) = self.flow.all("dbo", "revservice", revserviceid=service_id)
        self.put("dbo.device_tenant", {"revserviceid": line["id"]}, revserviceid=None)
        table = named("dbo.revservice", "id")
        with self.portal.begin() as connection:
            connection.execute(delete(table).where(table.c.id == line["id"]))

    def line_id(self, service_id: int) -> int:
        (line,) = self.flow.all("dbo", "revservice", revserviceid=service_id)
        return int(line["id"])

    def plant(self, plant: Callable[[Differences, int, datetime], Found], number: int, at: datetime) -> None:
        """Plant one difference at a moment, and keep what must be found of it."""
        self.expected |= plant(self, number, at)
        self.planted += 1

    def run_change(self, number: int, at: datetime, **more: Any) -> tuple[int, int]:
        """Bring a change with one device to its end at a moment; return its id and the line's."""
        self.flow.clock.now = at
        known = {one.service_id for one in self.rev.kept}
        change_id = self.flow.run(request([world.iccid(number)], **more)).bulk_change_id
        (made,) = [one.service_id for one in self.rev.kept if one.service_id and one.service_id not in known]
        self.tell(made, created=at)
        return change_id, made

    def findings(self) -> list[dict[str, Any]]:
        return self.flow.all("device_association", "finding")

    def found(self) -> Found:
        return {(one["kind"], one["subject"]) for one in self.findings()}


def _listed(line: dict[str, Any]) -> Line:
    created = datetime.fromisoformat(line["created_date"]).replace(tzinfo=UTC)
    return Line(line["service_id"], line["customer_id"], line["number"], line["number2"], created, None)


def line(service_id: int) -> str:
    return f"line {world.ACCOUNT}/{service_id}"


def mirror_row_missing(world_of: Differences, number: int, at: datetime) -> Found:
    world_of.forget(10_000 + number)
    world_of.tell(10_000 + number, created=at)
    return {("MIRROR_ROW_MISSING", line(10_000 + number)), ("LINK_MISSING", f"device {number}")}


def disconnected_at_rev(world_of: Differences, number: int, at: datetime) -> Found:
    world_of.tell(10_000 + number, disconnected=at)
    return {
        ("MIRROR_LINE_DISCONNECTED", line(10_000 + number)),
        ("LINK_TO_DISCONNECTED_LINE", f"device {number}"),
    }


def disconnected_in_mirror(world_of: Differences, number: int, at: datetime) -> Found:
    where = {"revserviceid": 10_000 + number}
    world_of.put("dbo.revservice", where, disconnecteddate=at, isactive=0, modifieddate=at)
    return {("MIRROR_LINE_ACTIVE", line(10_000 + number))}


def wrong_customer_in_mirror(world_of: Differences, number: int, at: datetime) -> Found:
    other = world.customer_id(world.BOREALIS)
    world_of.put("dbo.revservice", {"revserviceid": 10_000 + number}, revcustomerid=other, modifieddate=at)
    return {("MIRROR_OF_WRONG_CUSTOMER", line(10_000 + number))}


def wrong_sim_in_mirror(world_of: Differences, number: int, at: datetime) -> Found:
    world_of.put("dbo.revservice", {"revserviceid": 10_000 + number}, number2=STRANGE_SIM, modifieddate=at)
    return {("MIRROR_OF_WRONG_SIM", line(10_000 + number))}


def end_date_to_come(world_of: Differences, number: int, at: datetime) -> Found:
    world_of.tell(10_000 + number, created=at, disconnected=datetime(2030, 1, 1, tzinfo=UTC))
    return {("MIRROR_END_DATE_DIFFERS", line(10_000 + number))}


def link_missing(world_of: Differences, number: int, at: datetime) -> Found:
    world_of.put("dbo.device_tenant", {"id": number}, revserviceid=None, modifieddate=at)
    return {("LINK_MISSING", f"device {number}")}


def link_to_other_customer(world_of: Differences, number: int, at: datetime) -> Found:
    other = world_of.line_id(10_000 + world.NUMBERS["other_customer"][0])
    world_of.put("dbo.device_tenant", {"id": number}, revserviceid=other, modifieddate=at)
    return {("LINK_TO_OTHER_CUSTOMER", f"device {number}")}


def link_to_old_disconnection(world_of: Differences, number: int, at: datetime) -> Found:
    world_of.tell(10_000 + number, disconnected=OLD + timedelta(days=1))
    world_of.put(
        "dbo.revservice", {"revserviceid": 10_000 + number}, disconnecteddate=OLD + timedelta(days=1), isactive=0
    )
    world_of.put("dbo.device_tenant", {"id": number}, modifieddate=at)
    return {("LINK_TO_DISCONNECTED_LINE", f"device {number}")}


def two_lines(world_of: Differences, number: int, at: datetime) -> Found:
    world_of.add_line(70_000 + number, world.iccid(number), at)
    return {
        ("TWO_ACTIVE_LINES", f"device {number} account {world.ACCOUNT}"),
        ("LINK_TO_OLDER_LINE", f"device {number}"),
    }


def line_without_device(world_of: Differences, number: int, at: datetime) -> Found:
    world_of.add_line(70_000 + number, f"89012609{number:011d}", at)
    return {("LINE_WITHOUT_DEVICE", line(70_000 + number))}


def line_of_wrong_customer(world_of: Differences, number: int, at: datetime) -> Found:
    world_of.put("dbo.device_tenant", {"id": number}, accountnumber=world.BOREALIS, modifieddate=at)
    return {("LINE_OF_WRONG_CUSTOMER", line(10_000 + number))}


def line_of_archived_device(world_of: Differences, number: int, at: datetime) -> Found:
    world_of.put("dbo.device", {"id": number}, isactive=0, modifieddate=at)
    return {("LINE_OF_ARCHIVED_DEVICE", line(10_000 + number))}


def line_of_unassigned_device(world_of: Differences, number: int, at: datetime) -> Found:
    none = {"accountnumber": None, "accountnumberintegrationauthenticationid": None}
    world_of.put("dbo.device_tenant", {"id": number}, modifieddate=at, **none)
    return {("LINE_OF_UNASSIGNED_DEVICE", line(10_000 + number))}


def line_of_unknown_customer(world_of: Differences, number: int, at: datetime) -> Found:
    world_of.rev.kept.append(Line(70_000 + number, 9999, None, world.iccid(number), at, None))
    return {("LINE_OF_UNKNOWN_CUSTOMER", line(70_000 + number))}


def line_not_listed(world_of: Differences, number: int, at: datetime) -> Found:
    world_of.rev.kept = [one for one in world_of.rev.kept if one.service_id != 10_000 + number]
    world_of.put("dbo.revservice", {"revserviceid": 10_000 + number}, modifieddate=at)
    return {("LINE_NOT_LISTED", line(10_000 + number))}


def device_without_line(world_of: Differences, number: int, at: datetime) -> Found:
    _, made = world_of.run_change(number, at)
    world_of.tell(made, disconnected=at)
    return {
        ("DEVICE_WITHOUT_LINE", f"device {number}"),
        ("MIRROR_LINE_DISCONNECTED", line(made)),
        ("LINK_TO_DISCONNECTED_LINE", f"device {number}"),
    }


def intent_without_mirror_row(world_of: Differences, number: int, at: datetime) -> Found:
    _, made = world_of.run_change(number, at)
    world_of.forget(made)
    return {("INTENT_WITHOUT_MIRROR_ROW", line(made)), ("LINK_MISSING", f"device {number}")}


def product_missing(world_of: Differences, number: int, at: datetime) -> Found:
    """The row ends as REV_PRODUCT_FAILED: its line is billed for a device that has no customer yet."""
    world_of.rev.refusing_products.append(RevioRejected("POST /v1/ServiceProduct was answered 400: no", status=400))
    _, made = world_of.run_change(number, at, RevProductIdList=[world.PRODUCT], RateList=["4.50"])
    return {("PRODUCT_MISSING", line(made)), ("LINE_OF_UNASSIGNED_DEVICE", line(made))}


def product_row_missing(world_of: Differences, number: int, at: datetime) -> Found:
    _, made = world_of.run_change(number, at, RevProductIdList=[world.PRODUCT], RateList=["4.50"])
    table = named("dbo.revserviceproduct", "serviceid")
    with world_of.portal.begin() as connection:
        connection.execute(delete(table).where(table.c.serviceid == made))
    return {("PRODUCT_ROW_MISSING", line(made))}


def change_status_wrong(world_of: Differences, number: int, at: datetime) -> Found:
    change_id, _ = world_of.run_change(number, at)
    world_of.put("dbo.devicebulkchange", {"id": change_id}, status="ERROR")
    return {("CHANGE_STATUS_WRONG", f"bulk change {change_id}")}


def change_counts_wrong(world_of: Differences, number: int, at: datetime) -> Found:
    change_id, _ = world_of.run_change(number, at)
    where = {"bulkchangeid": change_id}
    world_of.put("device_association.change_result", where, processed=0, errors=1)
    return {("CHANGE_COUNTS_WRONG", f"bulk change {change_id}")}


def rows_left_open(world_of: Differences, number: int, at: datetime) -> Found:
    change_id, _ = world_of.run_change(number, at)
    row = {"bulkchangeid": change_id, "iccid": groups().plain[-number % 100 - 1], "status": "NEW", "isprocessed": 0}
    with world_of.portal.begin() as connection:
        connection.execute(insert(named("dbo.m2m_devicechange", *row)).values(**row))
    subject = f"bulk change {change_id}"
    return {("ROWS_LEFT_OPEN", subject), ("CHANGE_STATUS_WRONG", subject)}


SAFE = (mirror_row_missing, disconnected_at_rev, disconnected_in_mirror, wrong_customer_in_mirror, wrong_sim_in_mirror)
SAFE_LINKS = (end_date_to_come, link_missing, link_to_other_customer, link_to_old_disconnection)
TOLD = (
    *(two_lines, line_without_device, line_of_wrong_customer, line_of_archived_device, line_of_unassigned_device),
    *(line_of_unknown_customer, line_not_listed),
)
OF_CHANGES = (
    *(device_without_line, intent_without_mirror_row, product_missing, product_row_missing),
    *(change_status_wrong, change_counts_wrong, rows_left_open),
)


def thirty() -> Iterator[tuple[Callable[[Differences, int, datetime], Found], int]]:
    """Yield 30 differences with the device of each: of billed devices, and of plain ones where a change is to be run."""
    billed = iter(world.NUMBERS["billed"])
    plain = iter(range(101, 200))
    for plant in (*SAFE, *SAFE_LINKS, *TOLD, *SAFE, *SAFE_LINKS[1:3]):
        yield plant, next(plain if plant is line_of_unknown_customer else billed)
    for plant in OF_CHANGES:
        yield plant, next(plain)
