"""The image: the pinned Airflow on the pinned Python, with the product and nothing else, and not as root."""

from __future__ import annotations

import re

from tests.deployment.files import REPOSITORY, pins, read, services, values

FROM = re.compile(r"^FROM apache/airflow:slim-(?P<airflow>[\d.]+)-python(?P<python>[\d.]+)$", re.MULTILINE)


def test_airflow_and_python_are_those_of_the_pins() -> None:
    base = FROM.search(read("Dockerfile"))

    assert base is not None
    assert base["airflow"] == pins("requirements.txt")["apache-airflow"] == values()["airflowVersion"]
    for compiled in ("requirements.txt", "requirements-image.txt"):
        assert f"--python-version {base['python']} " in read(compiled)


def test_everything_is_installed_at_once_so_that_pip_can_not_move_airflow() -> None:
    installs = re.findall(r"pip install (.*?) \\\n", read("Dockerfile"))

    assert installs == ["--no-cache-dir -r /opt/airflow/requirements.txt -r /opt/airflow/requirements-image.txt"]
    assert "&& pip check " in read("Dockerfile")


def test_what_only_the_image_needs_moves_no_other_pin() -> None:
    product, image = pins("requirements.txt"), pins("requirements-image.txt")

    both = product.keys() & image.keys()

    assert "sqlalchemy" in both
    assert {name: image[name] for name in both} == {name: product[name] for name in both}


def test_the_context_lets_through_what_is_copied_and_nothing_else() -> None:
    copied = {
        source
        for line in re.findall(r"^COPY (.*)$", read("Dockerfile"), re.MULTILINE)
        for source in line.split()[:-1]
        if not source.startswith("--")
    }
    rules = [line for line in read(".dockerignore").splitlines() if line and not line.startswith("#")]

    assert rules[0] == "*"
    assert {rule.removeprefix("!") for rule in rules if rule.startswith("!")} == copied
    for source in copied:
        assert (REPOSITORY / source).exists(), source


def test_the_product_is_found_by_every_service_in_the_folder_where_it_is_copied() -> None:
    dockerfile = read("Dockerfile")

    assert "COPY --chown=airflow:root include /opt/airflow/include\n" in dockerfile
    assert "ENV PYTHONPATH=/opt/airflow/include " in dockerfile
    assert {"name": "PYTHONPATH", "value": "/opt/airflow/include"} in values()["env"]
    for name, service in services().items():
        assert "PYTHONPATH" not in service.get("environment", {}), f"{name} would hide the image's"


def test_nothing_runs_as_root() -> None:
    users = re.findall(r"^USER (\S+)$", read("Dockerfile"), re.MULTILINE)

    assert users == ["airflow"]
    for name, service in services().items():
        assert "user" not in service, name
        assert "privileged" not in service, name
