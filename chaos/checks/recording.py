"""Makes a small world out of a whole one, to be kept beside the tests: what the checker reads, and nothing else.

    make chaos SEED=151 MINUTES=1.5
    python -m chaos.checks.recording benchmarks/results/chaos-151/world.json tests/chaos/recorded/seed-151.json

Record again when the checker reads a column that the kept world does not have. Only the columns named here are kept, so
that nothing secret or personal gets into a recording by accident.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from chaos.checks.checker import check
from chaos.checks.sims import keys_of, keys_of_device, sim_key
from chaos.records.world import Row, World

OWNED = ("siteid", "accountnumber", "customerrateplanid", "customerratepoolid", "customerdataallocationmb")
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "integration_authentication": ("id", "name"),
    "revcustomer": ("id", "revcustomerid"),
    "site": ("id", "tenantid", "revcustomerid", "isdeleted"),
    "device": ("id", "iccid", "msisdn"),
    "device_tenant": (
        "id", "deviceid", "tenantid", *OWNED, "accountnumberintegrationauthenticationid", "revserviceid", "isactive",
        "isdeleted",
    ),
    "revservice": (
        "id", "revserviceid", "revcustomerid", "number2", "description", "integrationauthenticationid",
        "disconnecteddate", "isdeleted",
    ),
    "devicebulkchange": ("id", "changerequesttypeid", "tenantid", "status", "processeddate", "isdeleted"),
    "m2m_devicechange": (
        "id", "bulkchangeid", "deviceid", "iccid", "status", "errorcode", "statusdetails", "isprocessed", "haserrors",
        "processeddate", "createdby", "isdeleted",
    ),
    "deviceactionhistory": ("m2mdeviceid", "bulkchangeid", "iccid", "changedfield", "previousvalue", "currentvalue"),
    "crossproviderdevicehistory": ("deviceid", "tenantid", *OWNED, "effectiveto"),
    "change_state": ("bulkchangeid", "retrynumber", "claimrunid", "runkey", "reason"),
    "line_intent": ("iccid", "bulkchangeid", "state"),
    "device_lock": ("bulkchangeid", "deviceid"),
    "outbox": ("kind", "bulkchangeid", "retrynumber", "sentdate"),
    "dead_letter": ("messageid",),
    "finding": ("kind", "iccid", "integrationauthenticationid", "revserviceid"),
    "noted": ("tablename", "rowid", "field", "old", "new", "modifiedby", "at"),
}  # fmt: skip
"""The tables and columns that the checker reads."""
ANSWERED = ("ChangeId", "RetryNumber")
SERVICE = ("service_id", "customer_id", "number", "number2", "description", "disconnected_date")
PRODUCT = ("service_id", "product_id")


def record(world: World) -> World:
    """Return a small world with the same violations; devices and lines of which nobody asked anything are left out."""
    sims = {iccid for event in world.history for iccid in event.get("iccids", ())}
    sims |= {row["iccid"] for row in world.tables["m2m_devicechange"]}
    keys = {sim_key(iccid) for iccid in sims}
    devices = {row["id"] for row in world.tables["device"] if row["iccid"] in sims}
    asked = [keys_of_device(row["iccid"], row["msisdn"]) for row in world.tables["device"] if row["iccid"] in sims]
    numbers = set().union(*asked, *(keys_of_device(iccid, None) for iccid in sims))
    is_kept: dict[str, Callable[[Row], bool]] = {
        "device": lambda row: row["id"] in devices,
        "device_tenant": lambda row: row["deviceid"] in devices,
        "crossproviderdevicehistory": lambda row: row["deviceid"] in devices,
        "revservice": lambda row: not numbers.isdisjoint(keys_of(row)),
        "finding": lambda row: sim_key(row["iccid"]) in keys,
    }
    return World(
        history=[_event(event) for event in world.history],
        tables={
            name: [
                {column: row[column] for column in columns}
                for row in world.tables[name]
                if name not in is_kept or is_kept[name](row)
            ]
            for name, columns in COLUMNS.items()
        },
        seeded=[_only(line, ("account", *SERVICE)) for line in world.seeded if not numbers.isdisjoint(keys_of(line))],
        journal=[_entry(entry) for entry in world.journal],
        queue=world.queue,
        dead_letters=world.dead_letters,
        runs=world.runs,
    )


def to_lines(world: World) -> str:
    """Return the world as JSON with a row on each line, so that two recordings can be compared."""
    return _rows(asdict(world)) + "\n"


def main(
    whole: Annotated[Path, typer.Argument(help="The world.json of a run.")],
    small: Annotated[Path, typer.Argument(help="The file to write.")],
) -> None:
    """Record the world of a run that has ended."""
    world = World.from_json(whole.read_text(encoding="utf-8"))
    recorded = record(world)
    if {one.kind for one in check(recorded)} != {one.kind for one in check(world)}:
        raise typer.BadParameter("the small world has other violations than the whole one; is a column missing here?")
    small.parent.mkdir(parents=True, exist_ok=True)
    small.write_text(to_lines(recorded), encoding="utf-8")


def _rows(value: Any) -> str:
    if isinstance(value, dict):
        return "{\n" + ",\n".join(f"{json.dumps(name)}: {_rows(one)}" for name, one in value.items()) + "\n}"
    if isinstance(value, list):
        return "[\n" + ",\n".join(json.dumps(one) for one in value) + "\n]"
    return json.dumps(value)


def _event(event: Row) -> Row:
    """Return an event with only that part of its answer that is checked."""
    kept = {name: value for name, value in event.items() if name not in {"answer", "said"}}
    answer = event.get("answer")
    return kept | {"answer": _only(answer, ANSWERED)} if isinstance(answer, dict) else kept


def _entry(entry: Row) -> Row:
    kept = _only(entry, ("kind", "at", "account", "planted", "by", "record"))
    parts = {"service": SERVICE, "before": SERVICE, "product": PRODUCT}
    return kept | {name: _only(entry[name], names) for name, names in parts.items() if entry.get(name)}


def _only(row: Row, names: Iterable[str]) -> Row:
    return {name: row[name] for name in names if name in row}


if __name__ == "__main__":
    typer.run(main)
