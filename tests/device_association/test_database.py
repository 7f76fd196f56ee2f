"""What the one place that runs statements says and does when the database fails."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, Engine, create_engine, event, select, text
from sqlalchemy.engine import URL

from device_association.database import in_transaction, make_engine
from device_association.errors import ConfigurationError, DatabaseUnavailable
from local.processes import free_ports


def ping(connection: Connection) -> int:
    return int(connection.scalar(select(1)) or 0)


def test_a_database_that_is_not_there_is_said_to_be_wrong_under_the_connection_s_name(server: URL) -> None:
    with pytest.raises(ConfigurationError, match=r"connection 'portal_db'.*\"nowhere\" does not exist.*Admin"):
        in_transaction(make_engine(server.set(database="nowhere")), ping)


def test_a_person_the_database_does_not_know_is_said_to_be_wrong_without_a_password(server: URL) -> None:
    with pytest.raises(ConfigurationError, match='role "nobody" does not exist') as said:
        in_transaction(make_engine(server.set(username="nobody", password="s3cret-word")), ping)
    assert "s3cret-word" not in str(said.value)


def test_a_database_that_does_not_answer_is_tried_again_and_then_named() -> None:
    nowhere = URL.create("postgresql+psycopg2", "x", host="127.0.0.1", port=free_ports(1)[0], database="portal")
    engine, tries = make_engine(nowhere), []
    event.listen(engine, "do_connect", lambda *_: tries.append(1))
    with pytest.raises(DatabaseUnavailable, match=r"no database answers at connection 'portal_db'.*refused"):
        in_transaction(engine, ping, give_up_after=0.5)
    assert len(tries) > 1


def test_a_dropped_connection_rolls_the_whole_transaction_back_and_runs_it_again(empty_portal: Engine) -> None:
    tries: list[int] = []

    def work(connection: Connection) -> int:
        tries.append(1)
        connection.execute(text("INSERT INTO dbo.Tenant (Name) VALUES ('Twice tried')"))
        if len(tries) == 1:
            _end(empty_portal, connection)
        return ping(connection)

    assert in_transaction(empty_portal, work) == 1
    assert len(tries) == 2
    with empty_portal.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM dbo.Tenant")) == 1


def test_a_statement_that_is_wrong_is_not_tried_again(empty_portal: Engine) -> None:
    tries: list[int] = []

    def work(connection: Connection) -> None:
        tries.append(1)
        connection.execute(text("SELECT 1 / 0"))

    with pytest.raises(Exception, match=r"(?i)di(vision|vide) by zero"):
        in_transaction(empty_portal, work)
    assert len(tries) == 1


def test_a_victim_whose_transaction_the_server_ended_is_tried_again_as_a_whole(empty_portal: Engine) -> None:
    """SQL Server has rolled a deadlock's victim back before its client does: that must hide nothing, and keep nothing."""
    tries: list[int] = []

    def work(connection: Connection) -> int:
        tries.append(1)
        connection.execute(text("INSERT INTO dbo.Tenant (Name) VALUES ('Victim')"))
        if len(tries) == 1:
            if connection.dialect.name == "mssql":
                connection.execute(text("ROLLBACK TRANSACTION"))
            raise DatabaseUnavailable("as after a deadlock")
        return ping(connection)

    assert in_transaction(empty_portal, work) == 1
    with empty_portal.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM dbo.Tenant")) == 1


def _end(portal: Engine, connection: Connection) -> None:
    own, kill = {
        "postgresql": ("SELECT pg_backend_pid()", "SELECT pg_terminate_backend({})"),
        "mssql": ("SELECT @@SPID", "KILL {}"),
    }[connection.dialect.name]
    session = connection.scalar(text(own))
    killer = create_engine(portal.url, isolation_level="AUTOCOMMIT")
    with killer.connect() as other:
        other.execute(text(kill.format(session)))
    killer.dispose()
