"""values.yaml, as far as it can be checked without the chart: its schema has 800 kB, and is the chart's to check."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.deployment.files import AIRFLOW_PARTS, read, services, values


def test_the_image_is_ours_and_its_own_local_settings_are_not_hidden() -> None:
    image = values()["images"]["airflow"]

    ours = services()["worker"]["image"]

    assert f"{image['repository'].rpartition('/')[2]}:{image['tag']}" == ours
    assert values()["airflowLocalSettings"] is None


def test_every_secret_is_named_and_none_is_written_down() -> None:
    given = values()

    named = secret_names(given)

    assert all(name.startswith("device-association-") for name in named)
    described = set(re.findall(r"^#   (device-association-\S+) ", read("values.yaml"), re.MULTILINE))
    assert named == described
    assert re.findall(r"://[^:@\s]*:(?!PASSWORD@)[^@/\s]+@", read("values.yaml")) == []
    assert not re.search(r"(?i)password\W+(?!\"\$\{)[\w]+\"?$", json.dumps(given["createUserJob"]["args"]))


def test_both_ways_into_production_know_the_same_connections() -> None:
    compose = {name for name in services()["worker"]["environment"] if name.startswith("AIRFLOW_CONN_")}

    assert {entry["envName"] for entry in values()["secret"]} == compose
    for entry in values()["secret"]:
        assert entry["envName"] == f"AIRFLOW_CONN_{entry['secretKey'].upper()}"


def test_no_second_database_or_broker_comes_with_the_chart() -> None:
    given = values()

    assert given["postgresql"]["enabled"] is given["redis"]["enabled"] is False
    assert set(given["data"]) == {"metadataSecretName", "resultBackendSecretName", "brokerUrlSecretName"}


def test_every_component_says_what_it_needs() -> None:
    given = values()
    components = {
        "api-server": given["apiServer"],
        "scheduler": given["scheduler"],
        "dag-processor": given["dagProcessor"],
        "triggerer": given["triggerer"],
        "worker": given["workers"]["celery"],
    }

    assert set(components) == set(AIRFLOW_PARTS)
    for name, component in (*components.items(), ("migrate", given["migrateDatabaseJob"])):
        assert set(component["resources"]["requests"]) == {"cpu", "memory"}, name
        assert "memory" in component["resources"]["limits"], name


def test_workers_are_scaled_by_one_autoscaler_at_most() -> None:
    workers = values()["workers"]["celery"]

    assert not (workers["keda"]["enabled"] and workers["hpa"]["enabled"])
    assert "worker_concurrency" in values()["config"]["celery"]


def test_reports_and_task_logs_are_shared() -> None:
    given = values()
    (mount,) = given["volumeMounts"]
    (volume,) = given["volumes"]

    assert mount["name"] == volume["name"]
    assert {"name": "DEVICE_ASSOCIATION_DATA_DOCS_DIR", "value": mount["mountPath"]} in given["env"]
    assert given["logs"]["persistence"]["enabled"]
    assert not given["workers"]["celery"]["persistence"]["enabled"]


def test_the_jobs_are_those_of_compose() -> None:
    chart = values()
    migrate, user = chart["migrateDatabaseJob"]["args"][2], chart["createUserJob"]["args"][2]

    assert f"{migrate} && {user}".replace("$", "$$") == services()["migrate"]["command"][2]


def secret_names(given: Any) -> set[str]:
    """Return the name of every secret that the values refer to, wherever they do."""
    if isinstance(given, list):
        return {name for item in given for name in secret_names(item)}
    if not isinstance(given, dict):
        return set()
    here = {value for key, value in given.items() if key.lower().endswith("secretname")}
    if "secretKeyRef" in given:
        here.add(given["secretKeyRef"]["name"])
    return here | {name for item in given.values() for name in secret_names(item)}
