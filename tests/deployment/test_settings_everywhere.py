"""The product's settings: what the code reads is what each file sets, and nothing is set that nobody reads."""

from __future__ import annotations

from device_association.__main__ import URL_VARIABLE
from device_association.settings import Settings
from tests.deployment.files import (
    AIRFLOW_PARTS,
    PREFIX,
    PRODUCT_SETTINGS,
    READ_BY_CODE,
    REQUIRED_SETTINGS,
    example_variables,
    services,
    values,
)


def given_by_values() -> dict[str, str]:
    return {entry["name"]: entry["value"] for entry in values()["env"] if entry["name"].startswith(PREFIX)}


def test_the_example_names_every_setting_and_no_other() -> None:
    assert {
        name for name in example_variables("The product's own settings") if name.startswith(PREFIX)
    } == PRODUCT_SETTINGS
    assert not {name for name in example_variables("docker-compose.yml only") if name.startswith(PREFIX)}


def test_compose_hands_every_setting_to_every_part_of_airflow() -> None:
    for name in (*AIRFLOW_PARTS, "migrate"):
        environment = services()[name]["environment"]
        assert {variable for variable in environment if variable.startswith(PREFIX)} == PRODUCT_SETTINGS, name
        assert all(environment[variable] for variable in REQUIRED_SETTINGS), name


def test_compose_sets_nothing_that_the_code_does_not_read() -> None:
    for name, service in services().items():
        given = {variable for variable in service.get("environment", {}) if variable.startswith(PREFIX)}
        assert given <= READ_BY_CODE, name
    assert URL_VARIABLE in services()["portal-schema"]["environment"]


def test_compose_leaves_each_default_to_the_product_unless_the_host_decides_it() -> None:
    environment = services()["worker"]["environment"]

    decided = {variable for variable in PRODUCT_SETTINGS if environment[variable] is not None}

    assert decided == REQUIRED_SETTINGS | {f"{PREFIX}BASE_URL", f"{PREFIX}DATA_DOCS_DIR"}


def test_values_show_every_setting_with_its_default_unless_the_cluster_decides_it() -> None:
    given = given_by_values()

    assert set(given) == PRODUCT_SETTINGS
    for name, field in Settings.model_fields.items():
        if name not in ("queue_url", "base_url", "data_docs_dir"):
            assert given[PREFIX + name.upper()] == str(field.default), name


def test_values_are_settings_that_the_product_accepts() -> None:
    given = {name.removeprefix(PREFIX).lower(): value for name, value in given_by_values().items()}

    assert Settings(**given).data_docs_dir.is_absolute()  # type: ignore[arg-type]


def test_values_give_the_schema_job_its_address_from_a_secret() -> None:
    (job,) = values()["migrateDatabaseJob"]["extraInitContainers"]

    (variable,) = job["env"]

    assert variable["name"] == URL_VARIABLE
    assert variable["valueFrom"]["secretKeyRef"]["name"] == "device-association-portal"
    assert job["args"] == services()["portal-schema"]["command"]
