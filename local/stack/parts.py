"""The parts of a stack: what each runs, what it waits for, and what it needs before it starts."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from local.stack.airflow import celery_workers, database
from local.stack.airflow.environment import airflow_environment, base_environment, prepare_home
from local.stack.part import Part
from local.stack.processes import Running
from local.stack.readiness import answers, has_succeeded, heart_beats
from local.stack.secrets import StackSecrets
from local.stack.servers import message_queue, postgres, redis, revio_accounts
from local.stack.settings import HOST, REPOSITORY, LocalSettings

PYTHON = (sys.executable, "-P")
"""-P: the folder that a part happens to start in is no place to import from."""
AIRFLOW_NEEDS = ("postgres", "airflow-database", "redis")
"""The step that makes Airflow's database is not due in a stack that had it, so the server is named beside it."""


def parts(settings: LocalSettings, secrets: StackSecrets) -> list[Part]:
    """Return every part and step in the order of starting; stopping goes backwards."""
    if settings.executor == celery_workers.EXECUTOR:
        broker, workers = [_broker(settings, secrets)], _workers(settings, secrets)
    else:
        broker, workers = [], []
    return [
        *_outside_systems(settings, secrets),
        *broker,
        *_steps(settings, secrets),
        *_airflow(settings, secrets),
        *workers,
    ]


def _outside_systems(settings: LocalSettings, secrets: StackSecrets) -> list[Part]:
    own_code = _own_code_environment
    return [
        Part(
            "postgres",
            postgres.command(settings),
            base_environment,
            lambda _: postgres.ensure_databases(settings, secrets),
            port_setting="postgres_port",
            user=postgres.system_user(),
            prepare=lambda: postgres.prepare(settings, secrets),
            stop_signal=signal.SIGINT,  # 'fast': it does not wait for clients that never leave
        ),
        Part(
            "sqs",
            message_queue.command(settings),
            base_environment,
            lambda _: answers(f"{settings.sqs_url}/moto-api/") and message_queue.ensure_queues(settings, secrets),
            port_setting="sqs_port",
        ),
        Part(
            "revio-simulator",
            _revio_simulator(settings),
            own_code,
            lambda _: answers(settings.revio_url),
            port_setting="revio_port",
            prepare=lambda: revio_accounts.ensure_seed(settings, secrets),
        ),
        Part(
            "notification-receiver",
            _notification_receiver(settings, secrets),
            own_code,
            lambda _: answers(settings.notification_url),
            port_setting="notification_port",
        ),
    ]


def _broker(settings: LocalSettings, secrets: StackSecrets) -> Part:
    return Part(
        "redis",
        redis.command(settings),
        base_environment,
        lambda _: redis.answers(settings, secrets),
        port_setting="redis_port",
        prepare=lambda: redis.prepare(settings, secrets),
    )


def _steps(settings: LocalSettings, secrets: StackSecrets) -> list[Part]:
    portal = {"PORTAL_URL": postgres.portal_url(settings, secrets)}
    wanted = {"WANTED": database.wanted(settings), "DONE_FILE": str(database.done_file(settings))}
    pool = {"POOL_SLOTS": str(settings.rev_services_slots)}
    return [
        Part(
            "portal-database",
            [*PYTHON, "-m", "local.stack.servers.portal_database"],
            lambda: _own_code_environment() | portal,
            has_succeeded,
            needs=("postgres",),
            is_step=True,
        ),
        Part(
            "airflow-database",
            [*PYTHON, "-m", "local.stack.airflow.database"],
            lambda: airflow_environment(settings, secrets) | _python_path() | pool | wanted,
            has_succeeded,
            needs=("postgres",),
            prepare=lambda: _prepare_airflow(settings, secrets),
            is_step=True,
            due=lambda: not database.is_done(settings),
        ),
    ]


def _airflow(settings: LocalSettings, secrets: StackSecrets) -> list[Part]:
    """The log servers stay off: they listen on every address, and all logs lie in one folder anyway."""

    def part(name: str, *arguments: str, ready: Callable[[Running], bool], port: str | None = None) -> Part:
        return Part(
            name,
            [*PYTHON, "-m", "airflow", name, *arguments],
            lambda: airflow_environment(settings, secrets),
            ready,
            needs=AIRFLOW_NEEDS,
            port_setting=port,
            prepare=lambda: _prepare_airflow(settings, secrets),
        )

    def beats(component: str) -> Callable[[Running], bool]:
        return lambda running: heart_beats(settings, component, running)

    def answers_tasks(_: Running) -> bool:
        """The first call to the API that tasks use takes 2 s: better now than in the first task."""
        return all(answers(settings.airflow_url + path) for path in ("/api/v2/version", "/execution/health"))

    return [
        part("api-server", ready=answers_tasks, port="airflow_port"),
        part("scheduler", "--skip-serve-logs", ready=beats("scheduler")),
        part("dag-processor", ready=beats("dag_processor")),
        part("triggerer", "--skip-serve-logs", ready=beats("triggerer")),
    ]


def _workers(settings: LocalSettings, secrets: StackSecrets) -> list[Part]:
    def worker(name: str) -> Part:
        return Part(
            name,
            [*PYTHON, "-m", "airflow", *celery_workers.arguments(name)],
            lambda: airflow_environment(settings, secrets),
            lambda _: celery_workers.answers(settings, secrets, name),
            needs=AIRFLOW_NEEDS,
            prepare=lambda: _prepare_airflow(settings, secrets),
        )

    return [worker(name) for name in celery_workers.NAMES]


def _prepare_airflow(settings: LocalSettings, secrets: StackSecrets) -> None:
    revio_accounts.ensure_seed(settings, secrets)
    prepare_home(settings)


def _own_code_environment() -> dict[str, str]:
    return base_environment() | _python_path()


def _python_path() -> dict[str, str]:
    return {"PYTHONPATH": f"{REPOSITORY / 'include'}:{REPOSITORY}"}


def _revio_simulator(settings: LocalSettings) -> list[str]:
    options: dict[str, str | int | Path] = {
        "--host": HOST,
        "--port": settings.revio_port,
        "--seed-file": settings.seed_file,
        "--latency-ms": settings.revio_latency_ms,
        "--calls-per-minute": settings.revio_calls_per_minute,
        "--state-file": settings.state_dir / "revio_state.json",
        "--settings": json.dumps(settings.revio_manners),
    }
    return [*PYTHON, "-m", "local.simulators.revio", *_flat(options)]


def _notification_receiver(settings: LocalSettings, secrets: StackSecrets) -> list[str]:
    options: dict[str, str | int | Path] = {
        "--host": HOST,
        "--port": settings.notification_port,
        "--token": secrets.notification_token,
        "--state-file": settings.state_dir / "notifications.json",
    }
    return [*PYTHON, "-m", "local.stack.servers.notification_receiver", *_flat(options)]


def _flat(options: dict[str, str | int | Path]) -> list[str]:
    return [str(part) for pair in options.items() for part in pair]
