"""The main job on the sample world: every way a device can end, on the real stack, and a table of what happened."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.table import Table
from sqlalchemy import Engine

from device_association.bulk_changes.locks import find_bulk_change
from device_association.database.execution import make_engine
from device_association.domain.codes import RUNNING, ChangeStatus
from device_association.messaging.outbox import MESSAGE, flush_outbox
from device_association.requests.create import create_bulk_change, find_by_run_key
from device_association.requests.preview import list_rows
from local import sample_data
from local.demo_changes import Change, Way, planned_changes
from local.sample_data import groups
from local.stack.settings import LocalSettings
from local.stack.stack import Stack

PATIENCE_SECONDS = 300.0
WIDTH = 150
"""Columns where the output is no terminal: the table needs them."""
REQUESTER = "dora.ops"


def run_demo(console: Console | None = None) -> int:
    """Run the demo from the sample world on; return 0 when every group ended as expected, else 1."""
    console = console or Console(width=None if sys.stdout.isatty() else WIDTH)
    stack = Stack(LocalSettings())
    console.print("[bold]1. Starting the local stack[/bold] (it stays up; `make down` stops it)")
    stack.up(lambda part, said: console.print(f"   {part:<22} {said}", highlight=False))
    portal = make_engine(stack.portal_url)
    console.print("[bold]2. Loading the sample world[/bold]: 3,000 devices, 8 customers, 2 Rev.io accounts")
    _start_over(stack, portal)
    changes = planned_changes(datetime.now(UTC))
    console.print(f"[bold]3. Asking for {len(changes)} bulk changes[/bold], by message, API and form")
    for change in changes:
        _ask(stack, portal, change)
        console.print(f"   change {change.change_id:<4} {change.title}, {change.way}", highlight=False)
    console.print("[bold]4. Waiting for Airflow to bring them to their end[/bold]")
    for change in changes:
        _wait(portal, change)
        console.print(f"   change {change.change_id:<4} {change.status}", highlight=False)
    lines = stack.lines_by_sim()
    as_expected = _show(console, changes, lines)
    _show_where(console, stack, changes)
    portal.dispose()
    return 0 if as_expected else 1


def _start_over(stack: Stack, portal: Engine) -> None:
    """Bring portal and Rev.io back to the sample world, so that each demo shows the same.

    A message left in the queue does no harm: it can only start a change of the same id, once.
    """
    sample_data.load(portal)
    for path, body in (
        ("reset", {}),
        ("faults", {"effect": "reject_object", "numbers": list(groups().refused_by_rev)}),
        ("faults", {"effect": "error_after", "numbers": [groups().plain[0]], "times": 1}),
    ):
        stack.control_vendor("POST", path, body)


def _ask(stack: Stack, portal: Engine, change: Change) -> None:
    if change.way is Way.FORM:
        change.change_id = _trigger_form(stack, portal, change.request)
    elif change.way is Way.API:
        change.change_id = int(stack.api(REQUESTER).post("/M2M/AssociateCustomer", change.request)["ChangeId"])
    else:
        change.change_id = _send_message(stack, portal, change.request)


def _send_message(stack: Stack, portal: Engine, request: Mapping[str, Any]) -> int:
    """Store a request and send its message, as another program of the portal does; return the change."""
    created = create_bulk_change(portal, request, user_name=REQUESTER, now=datetime.now(UTC), max_devices=1000)
    flush_outbox(portal, MESSAGE, stack.queue_sender())
    return created.change_id


def _trigger_form(stack: Stack, portal: Engine, filled_in: Mapping[str, Any]) -> int:
    """Start a run as the form does, and return the change that it made."""
    form = {"logical_date": None, "conf": dict(filled_in)}
    run = stack.api(REQUESTER).post("/api/v2/dags/associate_customer/dagRuns", form)
    run_id = run["dag_run_id"]
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        with portal.connect() as connection:
            made = find_by_run_key(connection, run_id)
        if made is not None:
            return made
        time.sleep(0.2)
    raise TimeoutError(f"run {run_id} made no change in {PATIENCE_SECONDS:.0f} s; see its log in Airflow")


def _wait(portal: Engine, change: Change) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        with portal.connect() as connection:
            found = find_bulk_change(connection, change.change_id)
        if found is None or found.status not in RUNNING or time.monotonic() > until:
            break
        time.sleep(0.2)
    change.status = found.status if found else "gone"
    with portal.connect() as connection:
        listed = list_rows(connection, change.change_id)
    change.codes = {one.iccid: one.code for one in listed}


def _show(console: Console, changes: list[Change], lines: Mapping[str, int]) -> bool:
    """Print what became of each group; return whether all of it was expected."""
    table = Table(title="What happened to each group of devices")
    for heading in ("change", "group", "devices", "expected", "ended as", "lines a SIM", ""):
        table.add_column(heading, justify="right" if heading in {"change", "devices", "lines a SIM"} else "left")
    good = True
    for change in changes:
        for group in change.groups:
            ended = sorted({change.codes.get(iccid, "missing") for iccid in group.iccids})
            counted = sorted({lines.get(iccid, 0) for iccid in group.iccids})
            fits = ended == [group.expected] and counted == [group.lines]
            good &= fits
            table.add_row(
                str(change.change_id),
                group.name,
                str(len(group.iccids)),
                group.expected,
                ", ".join(ended),
                ", ".join(map(str, counted)),
                "[green]as expected[/green]" if fits else "[red]NOT as expected[/red]",
            )
    console.print(table)
    return good and all(change.status not in {*RUNNING, ChangeStatus.ERROR} for change in changes)


def _show_where(console: Console, stack: Stack, changes: list[Change]) -> None:
    console.print("[bold]Where to look[/bold]")
    console.print(
        f"   the run of change {changes[0].change_id}:  {_run_url(stack, changes[0].change_id)}", soft_wrap=True
    )
    portal = f"{stack.airflow_url}/M2M/ui"
    console.print(f"   on the portal:     {portal}/changes/{changes[0].change_id}", soft_wrap=True)
    console.print(f"   asking there:      {portal}/associate", soft_wrap=True)
    console.print(f"   the trigger form:  {stack.airflow_url}/dags/associate_customer", soft_wrap=True)
    console.print(f"   Rev.io's journal:  {stack.settings.revio_url}/_control/journal", soft_wrap=True)
    console.print(f"   what 2.0 received: {stack.settings.notification_url}/_control/received", soft_wrap=True)
    console.print(f"   sign in as         {REQUESTER} with {stack.passwords[REQUESTER]}", soft_wrap=True)


def _run_url(stack: Stack, change_id: int) -> str:
    """Return the newest run of a change; a repeated demo has several of the same base."""
    return f"{stack.airflow_url}/dags/associate_customer/runs?run_id_pattern=bulk_change__{change_id}__0"
