"""The files that put the product into production, as these tests read them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from device_association.__main__ import URL_VARIABLE
from device_association.settings import Settings

REPOSITORY = Path(__file__).resolve().parents[2]
PREFIX = "DEVICE_ASSOCIATION_"
PRODUCT_SETTINGS = {PREFIX + name.upper() for name in Settings.model_fields}
REQUIRED_SETTINGS = {PREFIX + name.upper() for name, field in Settings.model_fields.items() if field.is_required()}
READ_BY_CODE = PRODUCT_SETTINGS | {URL_VARIABLE}
AIRFLOW_PARTS = ("api-server", "scheduler", "dag-processor", "triggerer", "worker")


def read(name: str) -> str:
    """Return a file of the repository."""
    return (REPOSITORY / name).read_text(encoding="utf-8")


def compose() -> dict[str, Any]:
    """Return docker-compose.yml, its merges done and its variables not yet filled in."""
    loaded: dict[str, Any] = yaml.safe_load(read("docker-compose.yml"))
    return loaded


def services() -> dict[str, dict[str, Any]]:
    """Return the services of docker-compose.yml by name."""
    found: dict[str, dict[str, Any]] = compose()["services"]
    return found


def one_shot(service: dict[str, Any]) -> bool:
    """Return whether a service does its work once and ends."""
    return bool(service["restart"] == "no")


def variables(text: str) -> set[str]:
    """Return the names that Compose fills in from .env; a doubled dollar is the container's own affair."""
    return set(re.findall(r"(?<!\$)\$\{(\w+)", text))


def filled_in(text: str) -> str:
    """Return a text of docker-compose.yml as Compose hands it on, every variable reading `Value1`."""
    return re.sub(r"(?<!\$)\$\{\w+[^}]*\}", "Value1", text).replace("$$", "$")


def values() -> dict[str, Any]:
    """Return the values for the Helm chart."""
    loaded: dict[str, Any] = yaml.safe_load(read("values.yaml"))
    return loaded


def pins(name: str) -> dict[str, str]:
    """Return package versions by name, as a requirements file pins them."""
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)$", read(name), re.MULTILINE))


def example_variables(section: str) -> set[str]:
    """Return the names in that section of .env.example, set or commented out."""
    after = read(".env.example").split(f"# --- {section}")[1].split("\n# --- ")[0]
    return set(re.findall(r"^#? ?([A-Z][A-Z0-9_]+)=", after, re.MULTILINE))
