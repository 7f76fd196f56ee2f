"""The listener's tasks: wait for messages in the triggerer, start a run for each, and only then delete it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

from airflow.providers.amazon.aws.sensors.sqs import SqsSensor
from airflow.providers.amazon.aws.triggers.sqs import SqsSensorTrigger
from airflow.providers.amazon.aws.utils import validate_execute_complete_event
from airflow.sdk import Context

from device_association.domain.errors import ConfigurationError, DatabaseUnavailable
from device_association.messaging.messages import Cause, Decision, Verdict, decide, read_message, start_run
from device_association_airflow import airflow_runs, connections

RECEIVE_ON_SECONDS = 60.0
"""How long one task goes on receiving without waiting; well under the queue's visibility time-out of 120 s."""
LISTEN_FOR = timedelta(hours=1)
"""How long a run goes on listening: a new one costs the seconds in which nobody listens, a log without end is no use."""


class BulkChangeTrigger(SqsSensorTrigger):
    """The provider's trigger, which also asks for the message attributes: a producer may send nothing else."""

    async def poll_sqs(self, client: Any) -> Any:
        """Receive once, attributes included."""
        return await client.receive_message(
            QueueUrl=self.sqs_queue,
            MaxNumberOfMessages=self.max_messages,
            WaitTimeSeconds=self.wait_time_seconds,
            MessageAttributeNames=["All"],
        )


class BulkChangeSensor(SqsSensor):
    """An `SqsSensor` that never deletes on reception, starts the runs itself, and then waits for the next message.

    A message is deleted once the run that stands for it exists, or when it is stale or its change has ended. One that
    nobody can read, or whose change or retry does not exist, is left: after five receptions it is a dead letter.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            max_messages=10,
            wait_time_seconds=20,
            poke_interval=0,
            delete_message_on_reception=False,
            deferrable=True,
            aws_conn_id=connections.QUEUE,
            **kwargs,
        )

    def execute(self, context: Context) -> None:
        """Wait for messages."""
        self._wait()

    def _wait(self) -> NoReturn:
        """Wait in the triggerer; no worker slot is held."""
        self.defer(
            trigger=BulkChangeTrigger(
                sqs_queue=self.sqs_queue,
                aws_conn_id=self.aws_conn_id,
                max_messages=self.max_messages,
                wait_time_seconds=self.wait_time_seconds,
                delete_message_on_reception=False,
                waiter_delay=0,
            ),
            method_name="execute_complete",
        )

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> None:
        """Work on the messages that the trigger received and on all that have come since, then wait again."""
        received = validate_execute_complete_event(event)["message_batch"]
        client, give_up = connections.queue_client(), time.monotonic() + RECEIVE_ON_SECONDS
        problems: list[Exception] = []
        while received:
            problems += self._work_on(client, received)
            if time.monotonic() > give_up:
                break
            received = self._receive(client)
        if problems:
            raise problems[0]
        began = context["dag_run"].start_date
        if began is not None and datetime.now(UTC) - began < LISTEN_FOR:
            self._wait()

    def _receive(self, client: Any) -> list[dict[str, Any]]:
        answer = client.receive_message(
            QueueUrl=self.sqs_queue, MaxNumberOfMessages=10, WaitTimeSeconds=0, MessageAttributeNames=["All"]
        )
        messages: list[dict[str, Any]] = answer.get("Messages", [])
        return messages

    def _work_on(self, client: Any, received: Iterable[dict[str, Any]]) -> list[Exception]:
        """Start the runs of what was received; return the problem of each message that has to wait for a mended system."""
        done: list[dict[str, Any]] = []
        problems: list[Exception] = []
        try:
            for one in received:
                try:
                    decision = self._decide_and_start(one)
                except (ConfigurationError, DatabaseUnavailable):
                    raise  # every other message would meet the same
                except Exception as problem:
                    self.log.exception("message %s is left in the queue", one.get("MessageId"))
                    problems.append(problem)
                    continue
                self.log.info("message %s: %s, %s", one.get("MessageId"), decision.verdict, decision.reason)
                if decision.verdict is not Verdict.LEAVE:
                    done.append(one)
        finally:
            self._delete(client, done)
        return problems

    def _delete(self, client: Any, done: Sequence[dict[str, Any]]) -> None:
        """Delete messages in one call; one that stays comes again and is found to be done."""
        if not done:
            return
        entries = [{"Id": str(number), "ReceiptHandle": one["ReceiptHandle"]} for number, one in enumerate(done)]
        answer = client.delete_message_batch(QueueUrl=self.sqs_queue, Entries=entries)
        for failed in answer.get("Failed", []):
            message = done[int(failed["Id"])].get("MessageId")
            self.log.warning("message %s was not deleted and comes again: %s", message, failed.get("Message"))

    def _decide_and_start(self, received: dict[str, Any]) -> Decision:
        try:
            message = read_message(received)
        except ValueError as problem:
            return Decision(Verdict.LEAVE, Cause.UNREADABLE, f"cannot be read: {problem}")
        decision = decide(connections.portal(), message)
        if decision.verdict is not Verdict.START:
            return decision
        run_id = start_run(message, create_run=airflow_runs.create_run, is_run_active=airflow_runs.is_run_active)
        return Decision(Verdict.START, Cause.OPEN, f"run {run_id}")
