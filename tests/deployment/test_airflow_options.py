"""What both ways into production tell Airflow 3.3.2 is something that it understands."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import entry_points
from importlib.resources import files
from typing import Any

import pytest
import yaml

from local.stack.airflow.environment import POOL
from tests.deployment.files import AIRFLOW_PARTS, one_shot, pins, read, services, values

pytestmark = pytest.mark.airflow

FAB = "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager"


@pytest.fixture(scope="module")
def known() -> set[tuple[str, str]]:
    """Give every (section, option) of Airflow and of the installed providers, in capitals."""
    sections: list[dict[str, Any]] = [
        yaml.safe_load(files("airflow").joinpath("config_templates/config.yml").read_text(encoding="utf-8"))
    ]
    sections += [point.load()().get("config", {}) for point in entry_points(group="apache_airflow_provider")]
    return {
        (section.upper().replace(".", "_"), option.upper())
        for group in sections
        for section, content in group.items()
        for option in content["options"]
    }


def options_of_compose() -> dict[tuple[str, str], str]:
    found = {}
    for service in services().values():
        for name, value in service.get("environment", {}).items():
            if name.startswith("AIRFLOW__"):
                _, section, option = name.split("__")
                found[section, option] = value
    return found


def options_of_values() -> dict[tuple[str, str], str]:
    given = values()
    written = {
        (section.upper(), option.upper()): str(value)
        for section, content in given["config"].items()
        for option, value in content.items()
    }
    for entry in [*given["env"], *given["secret"]]:
        name = entry.get("name") or entry["envName"]
        assert not name.startswith("AIRFLOW__"), f"{name}: options stand in `config`, where the chart reads them too"
    return written


def airflow_commands() -> Iterator[list[str]]:
    """Give the arguments of every `airflow` command of docker-compose.yml and values.yaml but the user's creation.

    `airflow users` is the FAB provider's, which only the image has.
    """
    for name in AIRFLOW_PARTS:
        yield services()[name]["command"]
    for service in services().values():
        check = service.get("healthcheck", {}).get("test", [])
        if check[1:2] == ["airflow"]:
            yield check[2:]
    for script in (services()["migrate"]["command"][2], values()["migrateDatabaseJob"]["args"][2]):
        for command in script.split("&&"):
            program, *arguments = shlex.split(command)
            assert program == "airflow"
            if arguments[0] != "users":
                yield arguments


def test_every_option_in_compose_is_one_of_airflows(known: set[tuple[str, str]]) -> None:
    assert set(options_of_compose()) - known == set()


def test_every_option_in_values_is_one_of_airflows(known: set[tuple[str, str]]) -> None:
    assert set(options_of_values()) - known == set()


def test_an_option_that_both_set_has_one_value() -> None:
    compose, chart = options_of_compose(), options_of_values()
    own = {("API", "BASE_URL")}

    both = (set(compose) & set(chart)) - own

    assert {("SCHEDULER", "SCHEDULER_IDLE_SLEEP_TIME"), ("WORKERS", "MIN_HEARTBEAT_INTERVAL")} <= both
    assert {option: compose[option] for option in both} == {option: chart[option] for option in both}


def test_every_command_is_one_that_airflow_takes() -> None:
    from airflow.cli.cli_parser import get_parser

    commands = list(airflow_commands())

    assert len(commands) == len(AIRFLOW_PARTS) + 2 + 4
    for command in commands:
        assert get_parser().parse_args(command).func


def test_workers_answer_at_the_address_where_the_health_check_asks() -> None:
    check = services()["worker"]["healthcheck"]["test"][1]
    module, _, attribute = re.findall(r"--app (\S+)", check)[0].rpartition(".")

    app = getattr(import_module(module), attribute)

    assert app.conf.worker_enable_remote_control
    assert check.endswith('inspect ping -d "celery@$${HOSTNAME}"')


@pytest.mark.usefixtures("known")
def test_the_scheduler_serves_the_health_check_that_asks_it() -> None:
    from airflow.configuration import conf

    port = conf.getint("scheduler", "scheduler_health_check_server_port")

    assert services()["scheduler"]["healthcheck"]["test"][-1] == f"http://localhost:{port}/health"
    assert options_of_compose()["SCHEDULER", "ENABLE_HEALTH_CHECK"] == "True"


def test_tasks_run_on_celery_in_both_and_its_provider_is_pinned() -> None:
    assert options_of_compose()["CORE", "EXECUTOR"] == values()["executor"] == "CeleryExecutor"
    assert "apache-airflow-providers-celery" in pins("requirements.txt")


def test_people_sign_in_with_the_manager_for_production() -> None:
    assert options_of_compose()["CORE", "AUTH_MANAGER"] == FAB
    assert ("CORE", "AUTH_MANAGER") not in options_of_values()  # the chart's own default is the same
    assert "apache-airflow-providers-fab" in pins("requirements-image.txt")
    assert "apache-airflow-providers-fab" not in pins("requirements.txt")


def test_the_pool_that_the_tasks_name_is_made_in_both() -> None:
    made = f"airflow pools set {POOL} 16 "

    assert made in services()["migrate"]["command"][2]
    assert made in values()["migrateDatabaseJob"]["args"][2]
    assert f'"{POOL}"' in read("local/stack/airflow/environment.py")


def test_the_broker_keeps_a_task_longer_than_any_may_run() -> None:
    hours = [int(hours) for hours in re.findall(r"timedelta\(hours=(\d+)\)", read_tasks())]

    kept = int(options_of_compose()["CELERY_BROKER_TRANSPORT_OPTIONS", "VISIBILITY_TIMEOUT"])

    assert hours
    assert kept > max(hours) * 3600


def test_only_jobs_change_the_databases() -> None:
    for name, service in services().items():
        if not one_shot(service):
            assert "migrate" not in str(service.get("command")), name


def read_tasks() -> str:
    return "".join(
        read(f"plugins/device_association_airflow/{name}.py") for name in ("dag_defaults", "tasks/association")
    )
