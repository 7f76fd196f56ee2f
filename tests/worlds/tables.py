"""Puts a world of `tests.worlds` into either database in one round trip, and reads everything back comparably."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine

from device_association.database.dialects import SQL_SERVER, from_driver, keep_line_ends
from local.sample_data.portal_tables import table_names
from tests.flow import NOW
from tests.worlds import World
from tests.worlds.values import Row

FIRST_ID = 1001
"""The first id of a row that the database numbers itself, where a person reads the id: the rest is compared without."""
COUNTED_ALIKE = ("dbo.DeviceBulkChange", "dbo.M2M_DeviceChange")
WITHOUT_ID = frozenset({"dbo.RevCustomer"})
REAL_NOW = "now"
TIMINGS = frozenset({"seconds_by_step"})
Snapshot = dict[str, list[Row]]


def load_world(engine: Engine, world: World) -> None:
    """Replace everything in the database by this world."""
    with _cursor(engine) as (cursor, dialect):
        statements = [f"DELETE FROM {name}" for name in reversed(table_names())]
        binds: dict[str, Any] = {}
        for name in table_names():
            if world.tables.get(name):
                statements += _inserts(name, world.tables[name], binds, dialect)
        script = ";\n".join(statements)
        cursor.execute(*(keep_line_ends(script, binds) if dialect == SQL_SERVER else (script, binds)))
        _start_counting(cursor, dialect)


def move_world(engine: Engine, moves: list[tuple[str, str, Any, Any]]) -> None:
    """Do what another program does between the request and its run."""
    with _cursor(engine) as (cursor, dialect):
        for name, column, value, row_id in moves:
            sent = (_for_driver(value, dialect), _for_driver(row_id, dialect))
            cursor.execute(f"UPDATE {name} SET {column} = %s WHERE id = %s", sent)


def read_world(engine: Engine, since: datetime) -> Snapshot:
    """Return every table as comparable rows.

    Ids that the databases count differently are left out and what they point to stands in their place; instants of the
    database's own clock (those since `since`) read 'now'; durations and the random owners of leases are left out.
    """
    with _cursor(engine) as (cursor, _):
        found = {name: _select(cursor, name) for name in table_names()}
    now = datetime.now(UTC)

    def shown(value: Any) -> Any:
        return REAL_NOW if isinstance(value, datetime) and since <= value <= now else value

    return _comparable(
        {name: [{key: shown(value) for key, value in row.items()} for row in rows] for name, rows in found.items()}
    )


def comparable(value: Any) -> Any:
    """Return a value as it compares from either database: JSON parsed, guids as text, errors by type and words."""
    if isinstance(value, BaseException):
        return type(value).__name__, str(value), comparable(getattr(value, "refusals", ()))
    if isinstance(value, UUID):
        return str(value).lower()
    if isinstance(value, str) and value[:1] in {"{", "["}:
        try:
            return json.loads(value, parse_float=Decimal, object_hook=_comparable_object)
        except ValueError:
            return value
    if isinstance(value, Mapping):
        return {key: comparable(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [comparable(one) for one in value]
    return value


def _comparable_object(parsed: Row) -> Row:
    """Return a JSON object without durations; its dates may be written with or without milliseconds."""
    return {
        name: _moment(value) if name.endswith("Date") else value
        for name, value in parsed.items()
        if name not in TIMINGS
    }


def _moment(value: Any) -> Any:
    try:
        return datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return value


def _comparable(tables: Snapshot) -> Snapshot:
    lines = {
        row["id"]: f"line {row['revserviceid']} of {row['integrationauthenticationid']}"
        for row in tables["dbo.RevService"]
    }
    payloads = {row["id"]: comparable(row["changerequest"]) for row in tables["dbo.DeviceChangeRequest"]}
    terms = {row["id"]: row["termshash"] for row in tables["device_association.request_terms"]}
    intents = {row["id"]: (row["iccid"], row["m2mdevicechangeid"]) for row in tables["device_association.line_intent"]}
    stand_for: dict[tuple[str, str], Callable[[Any], Any]] = {
        ("dbo.Device_Tenant", "revserviceid"): lines.get,
        ("dbo.M2M_DeviceChange", "devicechangerequestid"): payloads.get,
        ("device_association.requested_device", "termsid"): terms.get,
        ("device_association.rev_product_step", "intentid"): intents.get,
        ("device_association.known_line", "intentid"): intents.get,
        ("device_association.line_intent", "leaseowner"): lambda owner: owner is not None,
        ("device_association.change_step", "endeddate"): lambda _: None,
        ("device_association.plan_outcome", "batchid"): lambda _: None,
        ("device_association.plan_outcome", "queueid"): lambda _: None,
    }
    for row in tables["dbo.DeviceActionHistory"]:
        if row["changedfield"] == "RevServiceId":
            row["previousvalue"], row["currentvalue"] = (
                lines.get(int(row[name] or 0)) for name in ("previousvalue", "currentvalue")
            )
    compared: Snapshot = {}
    for name, rows in tables.items():
        kept = [
            {
                column: comparable(stand_for.get((name, column), lambda same: same)(value))
                for column, value in row.items()
                if column != "id" or name in COUNTED_ALIKE or name in WITHOUT_ID
            }
            for row in rows
        ]
        compared[name] = sorted(kept, key=lambda row: json.dumps(row, default=str, sort_keys=True))
    return compared


def _inserts(name: str, rows: list[Row], binds: dict[str, Any], dialect: str) -> Iterator[str]:
    """Yield the statements that insert the rows of one table, and add their values to the binds."""
    stamp = {"CreatedDate": NOW} if name.startswith("dbo.") else {}
    columns = list(stamp | rows[0])
    tuples = []
    for row in rows:
        values = stamp | row
        first = len(binds)
        binds |= {f"b{first + place}": _for_driver(values[column], dialect) for place, column in enumerate(columns)}
        tuples.append(", ".join(f"%(b{first + place})s" for place in range(len(columns))))
    insert = f"INSERT INTO {name} ({', '.join(columns)}) VALUES ({'), ('.join(tuples)})"
    if dialect == SQL_SERVER and "id" in columns and name not in WITHOUT_ID:
        yield f"SET IDENTITY_INSERT {name} ON"
        yield insert
        yield f"SET IDENTITY_INSERT {name} OFF"
    else:
        yield insert


def _start_counting(cursor: Any, dialect: str) -> None:
    """Let both databases number the rows from the same id on."""
    if dialect == SQL_SERVER:
        for name in COUNTED_ALIKE:
            cursor.execute(f"DBCC CHECKIDENT('{name}', RESEED, {FIRST_ID - 1})")
    else:
        cursor.execute(
            "SELECT SETVAL(PG_GET_SERIAL_SEQUENCE(CONCAT(table_schema, '.', table_name), 'id'), %s) "
            "FROM information_schema.columns WHERE column_name = 'id' AND is_identity = 'YES'",
            (FIRST_ID - 1,),
        )


def _for_driver(value: Any, dialect: str) -> Any:
    if isinstance(value, datetime) and dialect == SQL_SERVER:
        return value.astimezone(UTC).replace(tzinfo=None)
    return str(value) if isinstance(value, UUID) else value


def _select(cursor: Any, name: str) -> list[Row]:
    cursor.execute(f"SELECT * FROM {name}")
    columns = [column[0].lower() for column in cursor.description]
    return [dict(zip(columns, map(from_driver, row), strict=True)) for row in cursor.fetchall()]


@contextmanager
def _cursor(engine: Engine) -> Iterator[tuple[Any, str]]:
    """Give the driver's own cursor in a transaction: one text may hold many statements there."""
    connection: Connection
    with engine.begin() as connection, closing(connection.connection.cursor()) as cursor:
        yield cursor, engine.dialect.name
