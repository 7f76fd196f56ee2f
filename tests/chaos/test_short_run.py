"""A short run for real: everything breaks for a minute, and every promise holds; then each damage to its books is found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from chaos import books, report
from chaos.checker import check
from chaos.run import Outcome, chaotic_stack, play
from chaos.schedule import make_schedule
from chaos.site import Site
from local.processes import wait_until
from local.stack import Stack

pytestmark = [pytest.mark.end_to_end, pytest.mark.own_stack, pytest.mark.timeout(600)]
SEED, MINUTES = 17, 0.8


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with chaotic_stack() as stack:
        yield stack


@pytest.fixture(scope="module")
def outcome(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    return play(stack, make_schedule(SEED, MINUTES), tmp_path_factory.mktemp("chaos"), print, end_seconds=400)


def test_a_minute_of_chaos_breaks_no_promise(outcome: Outcome) -> None:
    figures = report.summary(outcome)
    print(figures)
    assert outcome.violations == []
    assert figures["changes"] >= 8
    assert figures["faults"] >= 5
    assert figures["devices_by_code"]["PROCESSED"] > 0


DAMAGES = {
    "line without mirror": "UPDATE dbo.RevService SET IsDeleted = 1 WHERE CreatedBy <> 'system'",
    "mirror differs": "UPDATE dbo.RevService SET Number2 = 'other' WHERE id = (SELECT MAX(id) FROM dbo.RevService)",
    "history row missing": "DELETE FROM dbo.DeviceActionHistory WHERE ChangedField = 'AccountNumber'",
    "change does not end": "UPDATE dbo.DeviceBulkChange SET Status = 'PROCESSING' WHERE Status = 'PROCESSED'",
    "change lost": "UPDATE dbo.DeviceBulkChange SET ChangeRequestTypeId = 1",
    "device lost": "UPDATE dbo.M2M_DeviceChange SET IsDeleted = 1 WHERE Status = 'PROCESSED'",
    "two final states": "UPDATE dbo.M2M_DeviceChange SET Status = 'CANCELED' WHERE Status = 'PROCESSED'",
    "no code or reason": "UPDATE dbo.M2M_DeviceChange SET ErrorCode = NULL WHERE Status = 'ERROR'",
    "link wrong": "UPDATE dbo.Device_Tenant SET RevServiceId = NULL WHERE ModifiedBy IS NOT NULL",
    "association wrong": "UPDATE dbo.Device_Tenant SET SiteId = NULL WHERE ModifiedBy IS NOT NULL",
    "period wrong": "DELETE FROM dbo.CrossProviderDeviceHistory",
    "end not told": "DELETE FROM device_association.outbox WHERE Kind = 'NOTIFICATION'",
}
"""What is found once the database of the finished run is damaged so."""


@pytest.mark.parametrize("kind", DAMAGES)
def test_damage_to_the_finished_database_is_found(outcome: Outcome, database: Site, kind: str) -> None:
    with damaged(database, lambda connection: connection.execute(text(DAMAGES[kind]))) as tables:
        found = check(type(outcome.world)(**{**vars(outcome.world), "tables": tables}))
    assert kind in {one.kind for one in found}


@pytest.fixture(scope="module")
def database(stack: Stack, outcome: Outcome) -> Site:
    assert wait_until(lambda: "postgres" not in stack.dead_parts(), 1)
    return Site(stack)


@contextmanager
def damaged(database: Site, damage: Callable[[Connection], object]) -> Iterator[dict[str, list[books.Row]]]:
    """Give the tables of the database as they are with a damage, which is taken back at once."""
    with database.engine.connect() as connection, connection.begin() as transaction:
        damage(connection)
        yield books.read_tables(connection)
        transaction.rollback()


def test_the_books_are_kept_for_another_look(outcome: Outcome, tmp_path: Path) -> None:
    report.write(outcome, tmp_path / "chaos.json")
    assert check(type(outcome.world).from_json(outcome.world.to_json())) == outcome.violations
