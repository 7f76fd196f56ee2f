"""Reads what the checker compares: tables, the witness's notes, the vendor's journal, what is left in the queues."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, select, text

from chaos.records.world import Row, World
from chaos.scene.site import Site, named
from local.stack.processes import wait_until
from local.stack.servers import message_queue

TABLES = (
    "dbo.Integration_Authentication", "dbo.RevCustomer", "dbo.Site", "dbo.Device", "dbo.Device_Tenant", "dbo.RevService",
    "dbo.RevServiceProduct", "dbo.DeviceBulkChange", "dbo.M2M_DeviceChange", "dbo.DeviceActionHistory",
    "dbo.CrossProviderDeviceHistory", "device_association.change_state", "device_association.line_intent",
    "device_association.device_lock", "device_association.outbox", "device_association.dead_letter",
    "device_association.change_result", "device_association.finding", "witness.noted",
)  # fmt: skip
WITNESS = Path(__file__).with_name("sql") / "witness.sql"
LEFT = Path(__file__).with_name("sql") / "count_left.sql"
OPEN_RUNS = Path(__file__).with_name("sql") / "list_runs.sql"
AGE_LISTINGS = Path(__file__).with_name("sql") / "age_listings.sql"


def set_witness(engine: Engine) -> None:
    """Let the database note every change of what the checker looks at."""
    with engine.begin() as connection:
        connection.exec_driver_sql(WITNESS.read_text(encoding="utf-8").replace("%", "%%"))


def age_listings(site: Site) -> None:
    """Let reconciliation list every account anew, as it does on the morning after."""
    with site.engine.begin() as connection:
        connection.execute(text(AGE_LISTINGS.read_text(encoding="utf-8")))


def count_left(site: Site) -> dict[str, int]:
    """Return what is not at its end, by kind; nothing where all is."""
    with site.engine.connect() as connection:
        counted = connection.execute(text(LEFT.read_text(encoding="utf-8"))).all()
    left = {name: count for name, count in counted if count}
    runs = sum(state not in {"success", "failed"} for state in _runs(site).values())
    return left | ({"runs": runs} if runs else {})


def read_world(site: Site, history: list[Row]) -> World:
    """Return everything; nobody works on the queue any more."""
    with site.engine.connect() as connection:
        tables = read_tables(connection)
    return World(
        history=history,
        tables=tables,
        seeded=site.seeded_lines(),
        journal=site.stack.control_vendor("GET", "journal"),
        queue=_drain(site, site.stack.queue_url),
        dead_letters=_drain(site, message_queue.queue_url(site.stack.settings, message_queue.DEAD_LETTERS)),
        runs=_runs(site),
    )


def read_tables(connection: Connection) -> dict[str, list[Row]]:
    """Return every row of every table that counts, by the table's own name in small letters."""
    return {
        name.partition(".")[2].lower(): [
            {column: _plain(value) for column, value in row.items()}
            for row in connection.execute(select(text("*")).select_from(named(name)).order_by(text("1"))).mappings()
        ]
        for name in TABLES
    }


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds")
    return str(value) if isinstance(value, Decimal | UUID) else value


def _runs(site: Site) -> dict[str, str]:
    with site.airflow.connect() as connection:
        found = connection.execute(text(OPEN_RUNS.read_text(encoding="utf-8")))
        return {str(run_id): str(state) for run_id, state in found}


def _drain(site: Site, url: str) -> list[str]:
    """Return the ids of all messages, also of those that somebody had received when he was killed."""
    queue, seen = site.queue(), list[str]()

    def is_empty() -> bool:
        got = queue.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=600).get("Messages", [])
        seen.extend(one["MessageId"] for one in got)
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        counts = queue.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return not got and sum(int(counts[name]) for name in names) <= len(set(seen))

    wait_until(is_empty, 150)
    queue.close()
    return sorted(set(seen))
