"""What the README, `.env.example` and docker-compose.yml say is what the code reads."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from device_association.settings import Settings

REPOSITORY = Path(__file__).resolve().parents[1]
README = REPOSITORY / "README.md"
PREFIX = "DEVICE_ASSOCIATION_"


def settings_table() -> str:
    """Return the README's table of settings; write it there with `python -m tests.test_readme`."""
    lines = ["| variable | default | what |", "| --- | --- | --- |"]
    for name, field in Settings.model_fields.items():
        default = "required" if field.is_required() else f"`{field.default}`"
        lines.append(f"| `{PREFIX}{name.upper()}` | {default} | {field.description} |")
    return "\n".join(lines)


def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text(encoding="utf-8"))
    return loaded


def test_the_readme_lists_every_setting_as_it_is() -> None:
    assert settings_table() in README.read_text(encoding="utf-8")


def test_the_example_environment_names_every_product_setting() -> None:
    named = set(re.findall(rf"^#? ?({PREFIX}[A-Z_]+)=", (REPOSITORY / ".env.example").read_text(), re.MULTILINE))
    product = {name for name in named if not name.startswith(f"{PREFIX}LOCAL_")}
    assert product == {PREFIX + name.upper() for name in Settings.model_fields}


def test_compose_sets_only_what_the_code_reads_and_asks_only_for_what_the_example_names() -> None:
    text = (REPOSITORY / "docker-compose.yml").read_text(encoding="utf-8")
    example = (REPOSITORY / ".env.example").read_text(encoding="utf-8")
    environment = compose()["x-airflow"]["environment"]
    ours = {name.removeprefix(PREFIX).lower() for name in environment if name.startswith(PREFIX)}
    assert ours <= set(Settings.model_fields)
    assert {"queue_url", "base_url", "data_docs_dir"} <= ours
    for variable in re.findall(r"(?<!\$)\$\{([A-Z_0-9]+)", text):
        assert re.search(rf"^#? ?{variable}=", example, re.MULTILINE), f"{variable} is not in .env.example"


def test_compose_runs_every_part_of_airflow_on_the_pinned_image() -> None:
    services = compose()["services"]
    assert set(services) == {"postgres", "migrate", "api-server", "scheduler", "dag-processor", "triggerer"}
    pinned = re.search(r"^apache-airflow==(\S+)", (REPOSITORY / "requirements.txt").read_text(), re.MULTILINE)
    assert pinned is not None
    assert f"apache/airflow:{pinned[1]}-" in (REPOSITORY / "Dockerfile").read_text(encoding="utf-8")
    for name in ("api-server", "scheduler", "dag-processor", "triggerer"):
        assert services[name]["healthcheck"]["test"]
        assert services[name].get("depends_on", services["scheduler"]["depends_on"])["migrate"]


def test_every_statement_says_what_it_does_and_why_a_second_run_is_safe() -> None:
    files = [file for file in (REPOSITORY / "include" / "sql").rglob("*.sql") if file.parent.name != "schema"]
    assert len(files) > 50
    for file in files:
        header = file.read_text(encoding="utf-8").split("\n", 3)
        assert header[0].startswith("-- "), file
        assert "un" in "".join(header[1:3]), file


if __name__ == "__main__":
    text = README.read_text(encoding="utf-8")
    inner = f"<!-- settings -->\n{settings_table()}\n<!-- /settings -->"
    README.write_text(re.sub(r"<!-- settings -->.*<!-- /settings -->", lambda _: inner, text, flags=re.DOTALL))
