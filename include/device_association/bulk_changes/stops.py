"""Why no further device of a bulk change is begun: stops by people and by the rule about too many refusals."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine

from device_association.bulk_changes.claims import Claim
from device_association.database.execution import exists, in_transaction, only_row, run
from device_association.domain.codes import DeviceCode
from device_association.domain.storable_text import storable


@dataclass(frozen=True, slots=True)
class RefusalCount:
    """Devices that Rev.io refused in this retry, and from how many percent of how many devices on a change is stopped."""

    abort_percent: int
    abort_min_sample: int
    failed: int


@dataclass(frozen=True, slots=True)
class FailureCount:
    """As RefusalCount, with the devices that have their line or are rid of it."""

    abort_percent: int
    abort_min_sample: int
    failed: int
    settled: int


def stop(connection: Connection, claim: Claim, code: str, reason: str, *, now: datetime) -> None:
    """Begin no further device of the change in this retry; the first stop stays."""
    text = storable(reason, 500)
    insert_stop(connection, claim.bulk_change_id, claim.retry_number, code, text, actor=claim.actor, now=now)


def insert_stop(
    connection: Connection,
    bulk_change_id: int,
    retry_number: int,
    code: str,
    reason: str,
    *,
    actor: str,
    now: datetime,
) -> None:
    """Stop a retry of a change in the name of an actor, with or without a claim; the first stop stays."""
    run(
        connection,
        "bulk_changes/insert_stop",
        bulk_change_id=bulk_change_id,
        retry_number=retry_number,
        code=code,
        reason=reason,
        actor=actor,
        now=now,
    )


def is_stopped(engine: Engine, claim: Claim) -> bool:
    """Whether no further device of the change is to be begun in this retry."""
    with engine.connect() as connection:
        return exists(connection, "bulk_changes/find_stop", **claim.key)


def waits_in_vain(engine: Engine, claim: Claim, now: datetime) -> bool:
    """Whether the change was stopped while its account cannot be called: what is open is looked up after its end."""
    with engine.connect() as connection:
        return exists(connection, "bulk_changes/find_vain_wait", now=now, **claim.key)


def set_abort_rule(engine: Engine, bulk_change_id: int, *, percent: int | None, sample: int | None) -> None:
    """Stop a change, also one that runs, once Rev.io refused `percent` of at least `sample` devices; None: the setting's."""
    binds = {"bulk_change_id": bulk_change_id, "abort_percent": percent, "abort_min_sample": sample}
    in_transaction(engine, lambda connection: run(connection, "bulk_changes/set_abort_rule", **binds))


def stop_if_failing(connection: Connection, claim: Claim, *, percent: int, sample: int, now: datetime) -> bool:
    """Stop the change when Rev.io refuses too many of its devices: by its own rule, else by `percent` and `sample`."""
    about = {"bulk_change_id": claim.bulk_change_id, "abort_percent": percent, "abort_min_sample": sample}
    few = only_row(connection, RefusalCount, "bulk_changes/count_refusals", **about)
    if few.failed * 100 < few.abort_percent * few.abort_min_sample:
        return False
    counts = only_row(connection, FailureCount, "bulk_changes/count_failures", **about)
    failed, asked = counts.failed, counts.failed + counts.settled
    if asked < counts.abort_min_sample or failed * 100 < counts.abort_percent * asked:
        return False
    reason = (
        f"Rev.io refused {failed} of {asked} devices; see their reasons, correct the request, then retry the change"
    )
    stop(connection, claim, DeviceCode.STOPPED, reason, now=now)
    return True
