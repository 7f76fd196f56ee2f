"""The stack that chaos is about, as everybody here reaches it: database, queue, vendor, portal."""

from __future__ import annotations

import json
import threading
from typing import Any
from uuid import UUID

from botocore.exceptions import BotoCoreError
from sqlalchemy import Column, Engine, MetaData, Table, TableClause, create_engine, inspect, table
from sqlalchemy.sql import quoted_name

from chaos.scene.portal import Portal
from local.sample_data import world
from local.stack.servers import message_queue, postgres
from local.stack.stack import Stack

USER = "dora.ops"
VISIBILITY_SECONDS = 30
"""How long a received message is hidden here; a lost one comes back within a short run."""
PRODUCT = {
    "DEVICE_ASSOCIATION_REV_SEARCH_LAG_SECONDS": "4",
    "DEVICE_ASSOCIATION_REQUEUE_AFTER_SECONDS": "45",
    "DEVICE_ASSOCIATION_MAX_MAPPED_TASKS": "2",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20",
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "15",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "15",
    "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "15",
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT": "60",
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT_CHECK_INTERVAL": "10",
}
"""What makes minutes of hours: whoever is lost is missed in seconds, and a change costs few tasks."""


class Site:
    """One running stack."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.engine: Engine = create_engine(stack.portal_url, pool_pre_ping=True)
        self.airflow: Engine = create_engine(postgres.url(stack.settings, stack.secrets, "airflow"), pool_pre_ping=True)
        self.over = threading.Event()
        """Set once nobody waits for an answer any more."""
        self.portal = Portal(stack.airflow_url, USER, stack.passwords[USER], self.over)

    def queue(self) -> Any:
        """Return a client of the queue (untyped in boto3); the caller closes it."""
        return message_queue.client(self.stack.settings, self.stack.secrets)

    def prepare_queue(self) -> bool:
        """Make the queues if they are gone; return whether they are there, with this run's visibility time-out."""
        queue, shorter = self.queue(), {"VisibilityTimeout": str(VISIBILITY_SECONDS)}
        try:
            queue.set_queue_attributes(QueueUrl=self.stack.queue_url, Attributes=shorter)
        except queue.exceptions.QueueDoesNotExist:
            message_queue.ensure_queues(self.stack.settings, self.stack.secrets)
            return False  # the next look sets the time-out
        except BotoCoreError:
            return False
        finally:
            queue.close()
        return True

    def send_message(self, body: str, attributes: dict[str, str], *, is_dead: bool = False) -> str:
        """Put a message into the queue, or among the dead letters, and return the id that it was given."""
        queue = self.queue()
        dead_letters = message_queue.queue_url(self.stack.settings, message_queue.DEAD_LETTERS)
        try:
            return message_queue.put(queue, dead_letters if is_dead else self.stack.queue_url, body, attributes)
        finally:
            queue.close()

    def ask_people(self, does: str, account: str, **about: Any) -> int:
        """Let a person at the vendor do something with a line, and return its id."""
        deed = {"does": does, "account": account, **about}
        return int(self.stack.control_vendor("POST", "people", deed)["id"])

    def active_line(self, account: str, iccid: str) -> int | None:
        """Return the newest line that the vendor's journal has for a SIM, in this spelling."""
        entries = self.stack.control_vendor("GET", f"journal?account={account}&number2={iccid}")
        found = [one["service"]["service_id"] for one in entries if one.get("service", {}).get("number2") == iccid]
        return int(found[-1]) if found else None

    def seeded_lines(self) -> list[dict[str, Any]]:
        """Return the lines that the vendor had from the start, each with its account."""
        seed = json.loads(self.stack.settings.seed_file.read_text(encoding="utf-8"))
        return [{"account": one["name"], **line} for one in seed["accounts"] for line in one["services"]]


def customer_of(chosen: str) -> tuple[str, int | None, UUID]:
    """Return number, Rev.io account and guid of a schedule's customer: `4711`, or `4716 of 2` in the second account."""
    number, _, account = chosen.partition(" of ")
    of_account = int(account) if account else None if number == world.UNBILLED else world.ACCOUNT
    return number, of_account, world.customer_id(number, of_account)


def named(name: str) -> TableClause:
    """Return a table by `schema.name`, for SELECT * and INSERT; no name is quoted."""
    schema, _, own = name.partition(".")
    return table(quoted_name(own, quote=False), schema=quoted_name(schema, quote=False))


def reflected(engine: Engine, name: str) -> Any:
    """Return a table with its columns and its id, for INSERT; no other key is read, SQL Server's stand-in shows none."""
    schema, _, own = name.partition(".")
    found = inspect(engine).get_columns(own.lower(), schema)
    columns = [Column(one["name"], one["type"], primary_key=one["name"].lower() == "id") for one in found]
    return Table(own.lower(), MetaData(), *columns, schema=schema)
