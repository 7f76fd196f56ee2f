"""What the one place that runs statements says and does when the database fails."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from psycopg2 import OperationalError
from sqlalchemy import Connection, Engine, create_engine, event, select, text
from sqlalchemy.engine import URL

from device_association.database.dialects import is_transient, refused_connection, unsuitable
from device_association.database.execution import in_transaction, make_engine
from device_association.domain.errors import ConfigurationError, DatabaseUnavailable
from local.sample_data import groups
from local.stack.ports import free_ports
from tests.flow import Flow, request


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


@pytest.mark.parametrize(
    "said",
    [
        "FATAL:  the database system is starting up",
        "FATAL:  the database system is not yet accepting connections\nDETAIL:  Consistent recovery state ...",
        "FATAL:  the database system is in recovery mode",
        "FATAL:  the database system is shutting down",
        "FATAL:  sorry, too many clients already",
        "FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute",
        "could not receive data from server: Connection reset by peer",
        "server closed the connection unexpectedly",
    ],
)
def test_a_server_that_starts_recovers_or_is_full_is_no_mistake_of_a_person(said: str) -> None:
    """Met by chaos: a database killed in mid-run was red at once where it still replayed its log."""
    problem = refused_connection("portal_db", OperationalError(f'connection to server at "127.0.0.1" failed: {said}'))
    assert isinstance(problem, DatabaseUnavailable)
    assert is_transient(problem)


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


def test_a_worker_that_freezes_in_mid_transaction_gives_its_locks_up_and_tries_again(postgres_portal: Engine) -> None:
    lock = text("UPDATE dbo.Tenant SET Name = 'locked'")
    with postgres_portal.begin() as connection:
        connection.execute(text("INSERT INTO dbo.Tenant (Name) VALUES ('free')"))
        assert connection.scalar(text("SHOW idle_in_transaction_session_timeout")) == "1min"
    tries: list[int] = []

    def freeze(connection: Connection) -> int:
        tries.append(1)
        connection.execute(lock)
        if len(tries) == 1:
            connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = '50ms'"))
            in_transaction(postgres_portal, lambda other: other.execute(lock))
        return ping(connection)

    assert in_transaction(postgres_portal, freeze) == 1
    assert len(tries) == 2


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


def test_a_right_that_the_login_lacks_is_named_and_is_not_tried_again(postgres_portal: Engine) -> None:
    tries: list[int] = []

    def work(connection: Connection) -> None:
        tries.append(1)
        connection.execute(text("SET LOCAL ROLE nobody_at_all"))
        connection.execute(text("CALL dbo.UPDATE_DEVICE_REV_SERVICE_LINKS(1)"))

    with postgres_portal.begin() as connection:
        connection.execute(text("CREATE ROLE nobody_at_all"))
        connection.execute(text("GRANT USAGE ON SCHEMA dbo TO nobody_at_all"))
        connection.execute(text("REVOKE EXECUTE ON PROCEDURE dbo.UPDATE_DEVICE_REV_SERVICE_LINKS FROM PUBLIC"))
    with pytest.raises(ConfigurationError, match=r"lacks a right: .*GRANT it the right on procedure update_device_rev"):
        in_transaction(postgres_portal, work)
    assert len(tries) == 1


@pytest.mark.parametrize(
    "sql",
    ["SELECT nothing_like_it FROM dbo.device", "SELECT 1 FROM dbo.no_such_table", "CALL dbo.no_such_procedure(1)"],
)
def test_a_database_that_is_not_as_we_need_it_is_said_to_be_wrong(postgres_portal: Engine, sql: str) -> None:
    said = r"'portal_db' is not as we need it: .* does not exist.*python -m device_association adopt"
    with pytest.raises(ConfigurationError, match=said):
        in_transaction(postgres_portal, lambda connection: connection.execute(text(sql)))


@pytest.mark.parametrize(
    ("number", "said", "answer"),
    [
        (
            229,
            b"The EXECUTE permission was denied on the object 'usp_X', database 'portal', schema 'dbo'.",
            "GRANT EXECUTE ON dbo.usp_X to it",
        ),
        (262, b"CREATE TABLE permission denied in database 'portal'.", "GRANT CREATE TABLE to it in portal"),
        (300, b"VIEW SERVER STATE permission was denied on object 'server', database 'master'.", "lacks a right"),
        (
            2760,
            b'The specified schema name "x" either does not exist or you do not have permission.',
            'schema name "x"',
        ),
        (3701, b"Cannot drop the procedure 'usp_X', because it does not exist or you do not have permission.", "usp_X"),
        (207, b"Invalid column name 'ErrorCode'.", "not as we need it: Invalid column name 'ErrorCode'"),
        (468, b'Cannot resolve the collation conflict between "A" and "B".', "not as we need it: Cannot resolve"),
        (8145, b"@x is not a parameter for procedure usp_X.", "not as we need it: @x is not a parameter"),
    ],
)
def test_sql_server_s_refusals_say_what_to_do(number: int, said: bytes, answer: str) -> None:
    error = unsuitable("portal_db", Exception((number, said + b"DB-Lib error message 20018, severity 14:\nGeneral")))
    assert error is not None
    assert answer in str(error)
    assert "DB-Lib" not in str(error)


def test_what_a_statement_does_wrong_by_itself_stays_the_database_s_error() -> None:
    assert unsuitable("portal_db", Exception((8134, b"Divide by zero error encountered."))) is None
    assert unsuitable("portal_db", None) is None


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


def test_no_statement_of_a_change_writes_more_rows_than_the_engine_allows(flow: Flow) -> None:
    few, most = flow.portal.execution_options(rows_per_statement=3), Counter[str]()

    def count(_connection: Any, cursor: Any, sql: str, binds: Any, *_: Any) -> None:
        given = [len(json.loads(bind)) for bind in dict(binds or {}).values() if str(bind).startswith("[")]
        if sql.startswith(("INSERT", "UPDATE", "DELETE")) and "rev_service_slice" not in sql:  # nobody else's rows
            most[sql] = max(most[sql], *given, cursor.rowcount)

    event.listen(few, "after_cursor_execute", count)
    small = replace(flow, portal=few)
    change_id = small.create(request([*groups().plain[:10], *(f"89{number:017}" for number in range(5))])).change_id
    claim = small.open(change_id)
    flow.check(claim)
    small.plan(claim)
    small.lines(claim)
    small.associate(claim)
    small.close(claim)
    assert Counter(flow.codes(change_id).values()) == {"PROCESSED": 10, "DEVICE_NOT_FOUND": 5}
    assert len(flow.rev.kept) == 10
    assert len(most) > 20
    assert {sql: rows for sql, rows in most.items() if rows > 3} == {}
