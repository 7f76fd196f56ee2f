"""The composition root: turns Airflow connections and settings into an engine, Rev.io clients, a queue, a receiver.

A connection that is missing or cannot be used is a ConfigurationError that names it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any

from airflow.providers.amazon.aws.hooks.sqs import SqsHook
from airflow.sdk import BaseHook, Connection
from airflow.sdk.exceptions import AirflowNotFoundException
from botocore.config import Config
from sqlalchemy import Engine, make_url

from device_association.database.execution import database_clock, make_engine
from device_association.domain.encoding import as_json
from device_association.domain.errors import ConfigurationError
from device_association.domain.plain_numbers import plain_whole
from device_association.messaging.notification import AmopClient
from device_association.rate_limiting.limiter import RateLimiter
from device_association.rate_limiting.policy import Limits, Pace
from device_association.revio.accounts import Account, find_zone
from device_association.revio.client import RevioClient
from device_association.revio.transport import Timeouts
from device_association.service_lines.context import Clients
from device_association.settings import Settings

POSTGRES_DRIVER = "postgresql+psycopg2"
"""psycopg 3, the provider's default, binds on the server, which then cannot tell the type of a bind used twice."""
LAST_SECONDS = 90.0
"""How long a call that is wanted last waits at least: a whole minute may have been given away before it."""
PORTAL, QUEUE, RECEIVER = "portal_db", "bulk_change_queue", "amop_2_0"


def clock() -> datetime:
    """Return now at the portal's database, in UTC, cut to the milliseconds that its tables keep."""
    return _database_clock()()


@cache
def settings() -> Settings:
    """Return the product's settings, read from the environment once a process."""
    return Settings()


@cache
def portal() -> Engine:
    """Return the engine of the portal's database; the connection's type decides the dialect."""
    url = make_url(find_connection(PORTAL).get_hook().get_uri())
    if url.get_backend_name() == "postgresql":
        url = url.set(drivername=POSTGRES_DRIVER)
    return make_engine(url, rows_per_statement=settings().rows_per_statement)


@cache
def _database_clock() -> Callable[[], datetime]:
    return database_clock(portal())


@cache
def call_budget(connection_id: str, bulk_change_id: int, pace: Pace = Pace.AT_ONCE) -> RateLimiter | None:
    """Return the budget of a Rev.io account as one change uses it; None where the connection's extra keeps no limit.

    `pace` is how its look-ups are wanted.
    """
    extra = find_connection(connection_id).extra_dejson
    limits = Limits(
        **{name: _whole(connection_id, extra, name) for name in ("calls_per_minute", "calls_per_day") if name in extra}
    )
    if not limits.are_kept:
        return None
    patience = settings().rev_retry_window_seconds
    if pace is Pace.LAST:
        patience = max(patience, LAST_SECONDS)
    zone = _time_zone(connection_id, extra)
    budget = RateLimiter(portal(), connection_id, limits, clock, bulk_change_id, patience, pace, time_zone=zone)
    budget.open()
    return budget


def revio_clients(bulk_change_id: int) -> Clients:
    """Return what gives this process' one client for a Rev.io connection; its calls count in the account's budget."""
    return cache(lambda connection_id: _revio_client(connection_id, call_budget(connection_id, bulk_change_id)))


def patient_client(connection_id: str) -> RevioClient:
    """Return a client whose calls come after everybody else's, for what nobody waits for."""
    return _revio_client(connection_id, call_budget(connection_id, 0, Pace.LAST))


def queue_client() -> Any:
    """Return the boto3 client of the bulk change queue."""
    find_connection(QUEUE)
    return SqsHook(aws_conn_id=QUEUE).conn


@cache
def _hasty_queue_client() -> Any:
    """Return a client of the queue that gives up in seconds: a request waits for it."""
    find_connection(QUEUE)
    limits = Config(connect_timeout=2, read_timeout=3, retries={"total_max_attempts": 1})
    return SqsHook(aws_conn_id=QUEUE, config=limits).conn


def send_message(body: dict[str, object]) -> None:
    """Send a message to the bulk change queue, what it says in its body and in its attributes; or raise soon."""
    attributes = {name: {"StringValue": str(value), "DataType": "String"} for name, value in body.items()}
    _hasty_queue_client().send_message(
        QueueUrl=settings().queue_url, MessageBody=as_json(body), MessageAttributes=attributes
    )


def receiver() -> AmopClient:
    """Return where the 2.0 system listens for ended changes; a password without a login is a bearer token."""
    found = find_connection(RECEIVER)
    token = found.extra_dejson.get("token") or (None if found.login else found.password)
    return AmopClient(_url(found), token=token, login=found.login or None, password=found.password)


def _whole(connection_id: str, extra: dict[str, Any], name: str) -> int:
    value = extra[name]
    found = plain_whole(value) if isinstance(value, str) else value
    if isinstance(found, bool) or not isinstance(found, int):
        raise ConfigurationError(
            f"connection {connection_id!r}: extra {name!r} must be a whole number, not {value!r}; correct it"
        )
    return found


def _time_zone(connection_id: str, extra: dict[str, Any]) -> str:
    """Return the name of the zone in which Rev.io writes an account's dates."""
    return find_zone(connection_id, extra.get("time_zone", "UTC")).key


def _revio_client(connection_id: str, budget: RateLimiter | None) -> RevioClient:
    found, limits = find_connection(connection_id), settings()
    account = Account(
        name=connection_id,
        base_url=_url(found),
        login=found.login or "",
        password=found.password or "",
        subscription_key=found.extra_dejson.get("subscription_key", ""),
        time_zone=_time_zone(connection_id, found.extra_dejson),
    )
    timeouts = Timeouts(
        limits.rev_connect_timeout_seconds, limits.rev_read_timeout_seconds, limits.rev_call_timeout_seconds
    )
    return RevioClient(
        account,
        timeouts=timeouts,
        connections=limits.rev_concurrency,
        before_call=budget.wait_for_call if budget else None,
        after_call=budget.after_call if budget else None,
    )


def find_connection(connection_id: str) -> Connection:
    """Return a connection of Airflow's, or say that it is missing."""
    try:
        return BaseHook.get_connection(connection_id)
    except AirflowNotFoundException:
        raise ConfigurationError(
            f"Airflow has no connection {connection_id!r}; create it under Admin, Connections, then clear this task"
        ) from None


def _url(found: Connection) -> str:
    if not found.host:
        raise ConfigurationError(f"connection {found.conn_id!r} names no host; complete it under Admin, Connections")
    host = found.host if "://" in found.host else f"{found.schema or 'https'}://{found.host}"
    return f"{host.rstrip('/')}:{found.port}" if found.port else host.rstrip("/")
