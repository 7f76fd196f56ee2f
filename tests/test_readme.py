"""What the README says is what the code reads; `.env.example` and the rest are in tests/deployment."""

from __future__ import annotations

import re
from pathlib import Path

from device_association.settings import Settings

REPOSITORY = Path(__file__).resolve().parents[1]
README = REPOSITORY / "README.md"
PREFIX = "DEVICE_ASSOCIATION_"


def settings_table() -> str:
    """Return the README's table of settings; write it there with `python -m tests.test_readme`."""
    lines = ["| variable | default | what |", "| --- | --- | --- |"]
    for name, field in Settings.model_fields.items():
        default = "required" if field.is_required() else f"`{field.default}`" if field.default != "" else "empty"
        lines.append(f"| `{PREFIX}{name.upper()}` | {default} | {field.description} |")
    return "\n".join(lines)


def test_the_readme_lists_every_setting_as_it_is() -> None:
    assert settings_table() in README.read_text(encoding="utf-8")


if __name__ == "__main__":
    text = README.read_text(encoding="utf-8")
    inner = f"<!-- settings -->\n{settings_table()}\n<!-- /settings -->"
    README.write_text(re.sub(r"<!-- settings -->.*<!-- /settings -->", lambda _: inner, text, flags=re.DOTALL))
