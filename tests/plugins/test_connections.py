"""A connection that is missing or cannot be used is named, and what to do about it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy.engine import URL

from device_association.database.execution import rows_per_statement
from device_association.domain.errors import ConfigurationError
from device_association_airflow import connections


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("DEVICE_ASSOCIATION_QUEUE_URL", "http://queue")
    made = (connections.portal, connections.settings)
    for one in made:
        one.cache_clear()
    yield
    for one in made:
        one.cache_clear()


def give(patch: pytest.MonkeyPatch, name: str, **fields: object) -> None:
    patch.setenv(f"AIRFLOW_CONN_{name.upper()}", json.dumps(fields))


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        (connections.portal, "portal_db"),
        (connections.queue_client, "bulk_change_queue"),
        (connections.receiver, "amop_2_0"),
        (lambda: connections.revio_clients(1)("revio_nowhere"), "revio_nowhere"),
    ],
)
def test_a_missing_connection_is_named(asked: Callable[[], object], name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"no connection '{name}'; create it under Admin, Connections"):
        asked()


def test_a_connection_without_a_host_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, "amop_2_0", conn_type="http")
    with pytest.raises(ConfigurationError, match="'amop_2_0' names no host"):
        connections.receiver()


def test_a_portal_database_that_refuses_is_named(monkeypatch: pytest.MonkeyPatch, server: URL) -> None:
    give(
        monkeypatch,
        "portal_db",
        conn_type="postgres",
        login=server.username,
        schema="nowhere",
        host=server.query["host"],
    )
    with pytest.raises(ConfigurationError, match="refuses connection 'portal_db'"):
        connections.portal().connect()


@pytest.mark.parametrize("zone", ["Mars/Olympus", 5])
def test_a_time_zone_that_there_is_not_is_named_with_its_connection(
    monkeypatch: pytest.MonkeyPatch, zone: object
) -> None:
    extra = {"subscription_key": "k", "calls_per_minute": 0, "time_zone": zone}
    give(monkeypatch, "revio_far", conn_type="http", host="rev.example", login="l@c", password="p", extra=extra)
    with pytest.raises(ConfigurationError, match=rf"connection revio_far: the extra 'time_zone' is {zone!r}"):
        connections.revio_clients(1)("revio_far")


@pytest.mark.parametrize(("conn_type", "driver"), [("postgres", "postgresql+psycopg2"), ("mssql", "mssql+pymssql")])
def test_the_connection_s_type_decides_the_database(
    monkeypatch: pytest.MonkeyPatch, conn_type: str, driver: str
) -> None:
    give(monkeypatch, "portal_db", conn_type=conn_type, login="l", password="p@:/ß", host="db", port=1, schema="portal")
    url = connections.portal().url
    assert (url.drivername, url.username, url.password, url.host, url.port, url.database) == (
        *(driver, "l", "p@:/ß", "db", 1, "portal"),
    )


def test_the_setting_decides_how_many_rows_a_statement_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEVICE_ASSOCIATION_ROWS_PER_STATEMENT", "17")
    give(monkeypatch, "portal_db", conn_type="postgres", login="l", host="db", schema="portal")
    assert rows_per_statement(connections.portal()) == 17


@pytest.mark.parametrize(
    ("fields", "token", "url"),
    [
        ({"password": "t"}, "t", "https://amop.example:8443"),
        ({"extra": {"token": "e"}, "password": "t", "login": "l"}, "e", "https://amop.example:8443"),
        ({"login": "l", "password": "p", "schema": "http"}, None, "http://amop.example:8443"),
    ],
)
def test_how_the_receiver_is_reached(
    monkeypatch: pytest.MonkeyPatch, fields: dict[str, object], token: str | None, url: str
) -> None:
    give(monkeypatch, "amop_2_0", conn_type="http", host="amop.example", port=8443, **fields)
    found = connections.receiver()
    assert (found.token, found.url) == (token, url)
