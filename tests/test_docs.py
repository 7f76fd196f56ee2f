"""What the documentation says is what the code reads; `.env.example` and the rest are in tests/deployment."""

from __future__ import annotations

import re
from pathlib import Path

from device_association.settings import Settings

REPOSITORY = Path(__file__).resolve().parents[1]
README, SETTINGS = REPOSITORY / "README.md", REPOSITORY / "docs/settings.md"
README_LINES = 150
PREFIX = "DEVICE_ASSOCIATION_"


def settings_table() -> str:
    """Return the table of settings; write it into docs/settings.md with `python -m tests.test_docs`."""
    lines = ["| variable | default | what |", "| --- | --- | --- |"]
    for name, field in Settings.model_fields.items():
        default = "required" if field.is_required() else f"`{field.default}`" if field.default != "" else "empty"
        lines.append(f"| `{PREFIX}{name.upper()}` | {default} | {field.description} |")
    return "\n".join(lines)


def test_settings_page_lists_every_setting() -> None:
    assert settings_table() in SETTINGS.read_text(encoding="utf-8")


def test_readme_is_short() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) <= README_LINES


if __name__ == "__main__":
    text = SETTINGS.read_text(encoding="utf-8")
    inner = f"<!-- settings -->\n{settings_table()}\n<!-- /settings -->"
    SETTINGS.write_text(re.sub(r"<!-- settings -->.*<!-- /settings -->", lambda _: inner, text, flags=re.DOTALL))
