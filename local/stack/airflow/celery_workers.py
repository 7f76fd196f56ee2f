"""The two Celery workers of a stack with CeleryExecutor: how they start, what Airflow is told about them, who is there."""

from __future__ import annotations

from math import ceil

from local.stack.secrets import StackSecrets
from local.stack.servers import postgres, redis
from local.stack.settings import LocalSettings

EXECUTOR = "CeleryExecutor"
NAMES = ("worker-1", "worker-2")
VISIBILITY_SECONDS = 3 * 60 * 60
"""When Redis gives a dead worker's messages to another one: later than the longest task (two hours) may take.

The message of a running task then finds it running and is dropped; the message of a task that Airflow has long begun
again names a try that is no longer there. What such a message could still help, Airflow has helped earlier: a running
task by its missing heartbeats, a queued one by `[scheduler] task_queued_timeout`.
"""
ANSWER_SECONDS = 1.0


def arguments(name: str) -> list[str]:
    """Return Airflow's command for one worker; its log server stays off, all logs lie in one folder."""
    return ["celery", "worker", "--skip-serve-logs", "--celery-hostname", name]


def options(settings: LocalSettings, secrets: StackSecrets) -> dict[str, dict[str, str]]:
    """Return what Airflow is told about Celery; together the workers run as many tasks as the stack may."""
    return {
        "celery": {
            "broker_url": redis.url(settings, secrets),
            "result_backend": f"db+{postgres.url(settings, secrets, 'airflow')}",
            "worker_concurrency": str(ceil(settings.parallelism / len(NAMES))),
            "pool": "prefork",  # its children have what config/airflow_local_settings.py imported
            "worker_prefetch_multiplier": "1",  # a worker that dies takes no more messages with it than it has children
            "task_acks_late": "True",
        },
        "celery_broker_transport_options": {"visibility_timeout": str(VISIBILITY_SECONDS)},
    }


def answers(settings: LocalSettings, secrets: StackSecrets, name: str) -> bool:
    """Return whether a worker is ready for tasks: it answers a ping over the broker."""
    from celery import Celery  # here: a stack without workers does not pay for it
    from kombu.exceptions import OperationalError

    app = Celery(broker=redis.url(settings, secrets), set_as_current=False)
    try:
        return bool(app.control.ping(destination=[f"celery@{name}"], timeout=ANSWER_SECONDS))
    except OperationalError:
        return False
    finally:
        app.close()
