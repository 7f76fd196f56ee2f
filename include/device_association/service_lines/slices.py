"""The slices of a change: ranges of its rows, decided once for each retry, so that a map index means the same devices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from math import ceil

from sqlalchemy import Connection

from device_association.bulk_changes.claims import Claim
from device_association.database.execution import run, values
from device_association.domain.encoding import as_json
from device_association.service_lines.context import Slice, list_slices
from device_association.settings import Settings

MIN_TIME = timedelta(hours=2)
"""What a change has beside twice the time that the account's budget needs for its devices: the domain contract, section 4."""
SLICES_AT_ONCE = 4
"""How many slices of a change are worked on at the same time; more would keep the workers from other changes."""


def store_slices(
    connection: Connection, claim: Claim, settings: Settings, connection_id: str | None, now: datetime
) -> list[int]:
    """Return the numbers of this retry's slices, decided once; the deadline counts from then.

    `connection_id` is that of the account that is called; None: nobody is called for.
    """
    stored = list_slices(connection, claim)
    if stored or connection_id is None:
        return [one.slice_number for one in stored]
    row_ids: list[int] = values(connection, "service_lines/list_rows", bulk_change_id=claim.bulk_change_id)
    slices = list(
        split_into_slices(row_ids, max_slices=settings.max_mapped_tasks, min_devices=settings.min_slice_devices)
    )
    run(connection, "service_lines/insert_slices", slices=as_json([asdict(one) for one in slices]), **claim.key)
    limit: list[int] = values(connection, "service_lines/find_limit", connection_id=connection_id)
    budget_time = timedelta(minutes=len(row_ids) / limit[0]) if limit else timedelta()
    deadline = now + MIN_TIME + 2 * budget_time
    set_deadline(connection, claim, connection_id, deadline, is_first=False)
    return [one.slice_number for one in slices]


def set_deadline(
    connection: Connection, claim: Claim, connection_id: str, deadline: datetime, *, is_first: bool
) -> None:
    """Note until when a change has to be done in this retry; `is_first` leaves one that is there."""
    run(
        connection,
        "service_lines/set_deadline",
        deadline=deadline,
        connection_id=connection_id,
        is_first=int(is_first),
        **claim.key,
    )


def split_into_slices(row_ids: Sequence[int], *, max_slices: int, min_devices: int) -> Iterator[Slice]:
    """Yield the slices of a change: one device each while they are few, else ranges of at least `min_devices`.

    They make whole rounds of those that are worked on at the same time, so that none is alone at the end.
    """
    size = 1 if len(row_ids) <= max_slices else max(min_devices, ceil(len(row_ids) / max_slices))
    if size > 1:
        rounds = len(row_ids) // (size * SLICES_AT_ONCE)
        size = ceil(len(row_ids) / (rounds * SLICES_AT_ONCE)) if rounds else size
    for number, start in enumerate(range(0, len(row_ids), size)):
        part = row_ids[start : start + size]
        yield Slice(number, part[0], part[-1], len(part))
