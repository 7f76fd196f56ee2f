"""docker-compose.yml: valid, exact, and in the right order."""

from __future__ import annotations

import json
import re
import tomllib
from importlib.util import find_spec

import jsonschema
import pytest
import yaml
from sqlalchemy import make_url

from device_association.__main__ import URL_VARIABLE
from local.stack.servers import message_queue
from tests.deployment.files import (
    AIRFLOW_PARTS,
    REPOSITORY,
    compose,
    example_variables,
    filled_in,
    one_shot,
    read,
    services,
    variables,
)


def test_the_file_follows_the_compose_specification() -> None:
    specification = json.loads(read("tests/deployment/compose_spec/compose-spec.json"))

    jsonschema.Draft202012Validator(specification).validate(compose())


def test_every_image_is_an_exact_version_and_ours_is_the_projects() -> None:
    ours = f"device-association:{tomllib.loads(read('pyproject.toml'))['project']['version']}"

    images = {service["image"] for service in services().values()}

    assert ours in images
    for image in images:
        assert re.search(r":(\d+\.\d+(\.\d+)?|\d{4}-CU\d+)(-[a-z0-9.]+)*$", image), image
    for service in services().values():
        assert ("build" in service) == (service["image"] == ours)


def test_what_runs_on_has_a_health_check_and_comes_back_and_jobs_do_not() -> None:
    for name, service in services().items():
        assert service["restart"] in ("no", "unless-stopped"), name
        assert ("healthcheck" in service) != one_shot(service), name
    assert {name for name, service in services().items() if one_shot(service)} == {
        "portal-database",
        "portal-schema",
        "migrate",
    }


def test_everybody_waits_for_health_or_for_the_end_of_a_job_and_for_nobody_in_a_profile() -> None:
    found = services()
    for name, service in found.items():
        for awaited, how in service.get("depends_on", {}).items():
            ended = "service_completed_successfully" if one_shot(found[awaited]) else "service_healthy"
            assert how == {"condition": ended}, f"{name} waits for {awaited}"
            assert "profiles" not in found[awaited], f"{name} waits for {awaited}"


def test_the_order_of_the_start_is_databases_then_schemas_then_the_api_then_what_runs_tasks() -> None:
    found = services()

    assert set(found["portal-database"]["depends_on"]) == {"sqlserver"}
    assert set(found["portal-schema"]["depends_on"]) == {"portal-database"}
    assert set(found["migrate"]["depends_on"]) == {"postgres"}
    for name in AIRFLOW_PARTS:
        assert {"migrate", "portal-schema", "redis"} <= set(found[name]["depends_on"])
    for name in ("scheduler", "triggerer", "worker"):
        assert "api-server" in found[name]["depends_on"]


def test_nothing_is_published_beyond_this_host_and_workers_can_be_many() -> None:
    for name, service in services().items():
        assert "container_name" not in service, name
        assert "network_mode" not in service, name
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:"), f"{name}: {port}"
    assert "ports" not in services()["worker"]
    assert "hostname" not in services()["worker"]


def test_the_profile_local_holds_the_queue_and_nothing_else() -> None:
    profiles = {name: service["profiles"] for name, service in services().items() if "profiles" in service}

    assert profiles == {"elasticmq": ["local"]}


def test_the_queue_of_the_profile_has_the_rules_of_the_local_stack() -> None:
    rules = read("deploy/elasticmq.conf").split("\nqueues {")[1]

    assert set(re.findall(r"^  (\S+) \{", rules, re.MULTILINE)) == {message_queue.QUEUE, message_queue.DEAD_LETTERS}
    assert f"defaultVisibilityTimeout = {message_queue.VISIBILITY_SECONDS} seconds" in rules
    assert f'name = "{message_queue.DEAD_LETTERS}"' in rules
    assert re.search(rf"maxReceiveCount = {message_queue.RECEIVES_BEFORE_DEAD_LETTER}$", rules, re.MULTILINE)
    assert f"http://elasticmq:9324/000000000000/{message_queue.QUEUE}," in read(".env.example")


def test_volumes_and_files_are_declared_used_and_there() -> None:
    found = compose()
    mounts = [mount.split(":")[0] for service in services().values() for mount in service.get("volumes", [])]
    files = [file["source"] for service in services().values() for file in service.get("configs", [])]

    assert set(mounts) == set(found["volumes"])
    assert set(files) == set(found["configs"])
    for file in found["configs"].values():
        assert (REPOSITORY / file["file"]).is_file()


def test_reports_and_task_logs_are_shared_by_all_who_write_and_show_them() -> None:
    for name in AIRFLOW_PARTS:
        assert {"data_docs:/opt/airflow/data_docs", "logs:/opt/airflow/logs"} <= set(services()[name]["volumes"])
        assert services()[name]["environment"]["DEVICE_ASSOCIATION_DATA_DOCS_DIR"] == "/opt/airflow/data_docs"
    assert "mkdir /opt/airflow/data_docs" in read("Dockerfile")  # a new volume takes its owner from the image


def test_every_secret_comes_from_env_and_a_missing_one_is_named() -> None:
    for name, service in services().items():
        for variable, value in service.get("environment", {}).items():
            if re.search(r"PASSWORD|SECRET|KEY|AUTH$|_CONN_", variable):
                assert re.search(r"\$\{\w+:\?", value), f"{name}: {variable}"
    text = read("docker-compose.yml")
    assert re.findall(r"://[^:@\s]*:(?!\$\{)[^@\s]+@", text) == []
    assert text.count("${") - text.count("$${") == text.count(":?set it in .env}")


def test_env_example_explains_what_compose_asks_for_and_nothing_else() -> None:
    product = example_variables("The product's own settings")

    assert variables(read("docker-compose.yml")) - product == example_variables("docker-compose.yml only")


def test_the_portals_database_login_and_schema_fit_together() -> None:
    url = make_url(filled_in(services()["portal-schema"]["environment"][URL_VARIABLE]))
    connection = json.loads(filled_in(services()["worker"]["environment"]["AIRFLOW_CONN_PORTAL_DB"]))
    script = read("deploy/portal_database.sql")

    assert (url.drivername, url.host, url.port, url.password) == ("mssql+pymssql", "sqlserver", 1433, "Value1")
    assert (connection["host"], connection["port"], connection["conn_type"]) == (url.host, url.port, "mssql")
    assert (connection["schema"], connection["login"]) == (url.database, url.username)
    assert f"CREATE DATABASE {url.database};" in script
    assert f"CREATE LOGIN {url.username} WITH" in script
    assert services()["portal-schema"]["command"] == ["python", "-m", "device_association", "migrate"]
    assert find_spec("pymssql"), "the driver of that address is not installed"


def test_the_script_for_the_portals_database_is_given_each_of_its_variables() -> None:
    job = services()["portal-database"]

    asked = set(re.findall(r"\$\((\w+)\)", read("deploy/portal_database.sql")))

    assert set(re.findall(r"-v (\w+)=", job["command"][0])) == asked
    assert asked <= set(job["environment"])
    assert f"-i {job['configs'][0]['target']} " in job["command"][0]


@pytest.mark.parametrize("name", ["sqlserver", "portal-database"])
def test_sql_server_is_asked_with_the_client_that_its_image_has(name: str) -> None:
    service = services()[name]
    asked = json.dumps(service["command"] if one_shot(service) else service["healthcheck"]["test"])

    assert "/opt/mssql-tools18/bin/sqlcmd -C -No " in asked
    assert " -P " not in asked  # a password in a command line is in the process list
    assert " -b " in asked  # without it a failed statement ends with 0


def test_each_service_address_in_a_setting_is_a_service() -> None:
    environment = services()["worker"]["environment"]
    addresses = re.findall(r"(?:@|http://|\"host\": \")([a-z-]+)[:/\"]", filled_in(yaml.safe_dump(environment)))

    assert {"postgres", "redis", "sqlserver", "api-server"} == set(addresses)
    assert environment["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == "http://api-server:8080/execution/"
