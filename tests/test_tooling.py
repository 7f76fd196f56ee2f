"""The hooks, the editor and CI do what the Makefile and pyproject.toml say."""

from __future__ import annotations

import configparser
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).resolve().parents[1]


def read(name: str) -> str:
    return (REPOSITORY / name).read_text(encoding="utf-8")


def checks() -> list[str]:
    """Return the commands of `make check`, as the shell gets them."""
    recipe = re.search(r"^check:.*\n((?:\t.*\n)+)", read("Makefile"), re.MULTILINE)
    assert recipe is not None
    return [line.strip().replace("$(BIN)", ".venv/bin").replace("$$", "$") for line in recipe[1].splitlines()]


def command(hook: dict[str, Any]) -> str:
    """Return the command of a hook without what starts it: `env` before variables, `sh -c` before what a shell expands."""
    entry: str = hook["entry"]
    words = shlex.split(entry)
    return words[2] if words[:2] == ["sh", "-c"] else entry.removeprefix("env ")


def test_hooks_are_the_commands_of_make_check() -> None:
    (local,) = yaml.safe_load(read(".pre-commit-config.yaml"))["repos"]
    assert [command(hook) for hook in local["hooks"]] == checks()
    assert {(hook["language"], hook["pass_filenames"]) for hook in local["hooks"]} == {("system", False)}


def test_editors_wrap_where_the_linters_do() -> None:
    editor = configparser.ConfigParser()
    editor.read_string(f"[start]\n{read('.editorconfig')}")
    tools = tomllib.loads(read("pyproject.toml"))["tool"]
    limits = {tools["ruff"]["line-length"], tools["sqlfluff"]["core"]["max_line_length"]}
    assert {editor.getint("*.{py,sql}", "max_line_length")} == limits


def test_workflow_runs_what_ci_runs_everywhere() -> None:
    job = yaml.safe_load(read(".github/workflows/ci.yml"))["jobs"]["ci"]
    assert [step["run"] for step in job["steps"] if "run" in step][-1] == ".ci/run"
