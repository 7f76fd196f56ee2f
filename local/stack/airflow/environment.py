"""Everything that a stack tells Airflow, in one place: environment variables and the folder AIRFLOW_HOME."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from dotenv import dotenv_values
from sqlalchemy import URL, make_url

from local.stack.airflow import celery_workers
from local.stack.secrets import StackSecrets, passwords, passwords_file
from local.stack.servers import message_queue, postgres, revio_accounts
from local.stack.settings import HOST, PREFIX, REPOSITORY, LocalSettings

POOL = "rev_services"
PRODUCT_PREFIX = "DEVICE_ASSOCIATION_"
NOT_INHERITED = ("AIRFLOW", "_AIRFLOW", "AWS_", "PYTHON", "PG", PRODUCT_PREFIX)
"""What the caller's environment must not decide about a stack; the product's own settings are added on purpose."""


def prepare_home(settings: LocalSettings) -> None:
    """Make AIRFLOW_HOME, with `config` leading to the checkout's (Airflow looks for it nowhere else)."""
    settings.airflow_home.mkdir(parents=True, exist_ok=True)
    link = settings.airflow_home / "config"
    if not link.is_symlink():
        link.symlink_to(REPOSITORY / "config", target_is_directory=True)
    passwords(settings.state_dir, settings.users)


def base_environment() -> dict[str, str]:
    """Return the environment of every part: the caller's without what belongs to other stacks, nothing over proxies."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(NOT_INHERITED)}
    return kept | {
        "PYTHONUNBUFFERED": "1",
        "PYTHONWARNINGS": "ignore:GitWildMatchPattern,ignore:Using `httpx`",  # Airflow's own, in every task's log
        "NO_PROXY": f"{HOST},localhost",
        "no_proxy": f"{HOST},localhost",
        "AWS_EC2_METADATA_DISABLED": "true",
        "PGTZ": "UTC",
        "GX_ANALYTICS_ENABLED": "false",
    }


def airflow_environment(settings: LocalSettings, secrets: StackSecrets) -> dict[str, str]:
    """Return the environment of every Airflow process of the stack."""
    options = {
        f"AIRFLOW__{section}__{name}".upper(): value
        for section, section_options in _options(settings, secrets).items()
        for name, value in section_options.items()
    }
    paths = {"AIRFLOW_HOME": str(settings.airflow_home), "PYTHONPATH": str(REPOSITORY / "include")}
    return base_environment() | paths | options | _connections(settings, secrets) | _product(settings)


def _options(settings: LocalSettings, secrets: StackSecrets) -> dict[str, dict[str, str]]:
    return {
        "core": {
            "dags_folder": str(settings.dags_folder),
            "plugins_folder": str(settings.plugins_folder),
            "load_examples": "False",
            "executor": settings.executor,
            "parallelism": str(settings.parallelism),
            "mp_start_method": "fork",  # what config/airflow_local_settings.py imports must reach the tasks
            "dags_are_paused_at_creation": "False",
            "max_map_length": "1024",
            "fernet_key": secrets.fernet_key,
            "hostname_callable": "socket.gethostname",  # the stock one asks the name server
            "execution_api_server_url": f"{settings.airflow_url}/execution/",
            "simple_auth_manager_users": ",".join(f"{user}:{role}" for user, role in settings.users.items()),
            "simple_auth_manager_passwords_file": str(passwords_file(settings.state_dir)),
        },
        "api": {
            "host": HOST,
            "port": str(settings.airflow_port),
            "workers": "1",
            "base_url": settings.airflow_url,
            "secret_key": secrets.api_secret_key,
        },
        "api_auth": {"jwt_secret": secrets.jwt_secret},
        "database": {"sql_alchemy_conn": postgres.url(settings, secrets, "airflow")},
        "scheduler": {"scheduler_idle_sleep_time": "0.1"},
        # A task's supervisor may see its end only at the next heartbeat. Until then the executor counts it as running; a
        # listener that is called back meanwhile is taken for killed, and its message waits for its visibility time-out.
        "workers": {"min_heartbeat_interval": "1"},
        "dag_processor": {
            # New files are seen within 5 s and changed ones at once; unchanged ones cost two cores too much to
            # be parsed every 30 s, the stock interval.
            "refresh_interval": "5",
            "min_file_process_interval": "120",
        },
        "logging": {"base_log_folder": str(settings.airflow_home / "logs"), "colored_console_log": "False"},
        **(celery_workers.options(settings, secrets) if settings.executor == celery_workers.EXECUTOR else {}),
    }


def _connections(settings: LocalSettings, secrets: StackSecrets) -> dict[str, str]:
    given: dict[str, dict[str, Any]] = {
        "portal_db": _portal(make_url(postgres.portal_url(settings, secrets))),
        "bulk_change_queue": {
            "conn_type": "aws",
            "login": secrets.aws_access_key,
            "password": secrets.aws_secret_key,
            "extra": {"endpoint_url": settings.sqs_url, "region_name": message_queue.REGION},
        },
        "amop_2_0": {
            "conn_type": "http",
            "schema": "http",
            "host": HOST,
            "port": settings.notification_port,
            "password": secrets.notification_token,
        },
        **revio_accounts.connections(settings),
    }
    return {f"AIRFLOW_CONN_{name}".upper(): json.dumps(connection) for name, connection in given.items()}


def _portal(url: URL) -> dict[str, Any]:
    """Return the Airflow connection of the portal's database; its type decides the dialect."""
    return {
        "conn_type": "mssql" if url.get_backend_name() == "mssql" else "postgres",
        "host": url.host,
        "port": url.port,
        "schema": url.database,
        "login": url.username,
        "password": url.password,
    }


def _product(settings: LocalSettings) -> dict[str, str]:
    """Return the product's settings: the person's (`.env`, environment), then the stack's own, then the test's."""
    chosen: Mapping[str, str | None] = dotenv_values(REPOSITORY / ".env") | dict(os.environ)
    person = {
        name: value
        for name, value in chosen.items()
        if value and name.startswith(PRODUCT_PREFIX) and not name.startswith(PREFIX)
    }
    stack = {
        "DEVICE_ASSOCIATION_QUEUE_URL": message_queue.queue_url(settings),
        "DEVICE_ASSOCIATION_DEAD_LETTER_QUEUE_URL": message_queue.queue_url(settings, message_queue.DEAD_LETTERS),
        "DEVICE_ASSOCIATION_DATA_DOCS_DIR": str(settings.state_dir / "data_docs"),
        "DEVICE_ASSOCIATION_BASE_URL": settings.airflow_url,
    }
    return person | stack | settings.product
