from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from local.stack.settings import REPOSITORY, LocalSettings, variable


def make(**given: object) -> LocalSettings:
    return LocalSettings(_env_file=None, **given)  # type: ignore[arg-type]


def test_every_setting_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEVICE_ASSOCIATION_LOCAL_AIRFLOW_PORT", "9090")
    monkeypatch.setenv("DEVICE_ASSOCIATION_LOCAL_USERS", '{"admin": "admin", "zoe": "viewer"}')

    settings = make()

    assert settings.airflow_url == "http://127.0.0.1:9090"
    assert settings.users == {"admin": "admin", "zoe": "viewer"}


def test_two_parts_on_one_port_are_refused_by_the_names_of_their_settings() -> None:
    with pytest.raises(ValidationError) as refused:
        make(sqs_port=7000, airflow_port=7000)

    assert "DEVICE_ASSOCIATION_LOCAL_SQS_PORT" in str(refused.value)
    assert "DEVICE_ASSOCIATION_LOCAL_AIRFLOW_PORT" in str(refused.value)


def test_a_stack_without_its_admin_is_refused() -> None:
    with pytest.raises(ValidationError, match="admin"):
        make(users={"zoe": "viewer"})


def test_relative_folders_start_from_the_checkout_wherever_the_caller_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert make(state_dir=".second").state_dir == REPOSITORY / ".second"
    assert make(state_dir=tmp_path).state_dir == tmp_path.resolve()


def test_everything_that_the_stack_keeps_lies_in_its_state_folder(tmp_path: Path) -> None:
    settings = make(state_dir=tmp_path)

    for kept in (settings.logs_dir, settings.run_dir, settings.airflow_home, settings.seed_file):
        assert kept.is_relative_to(tmp_path)


def test_the_example_file_shows_every_setting_with_its_default() -> None:
    lines = (REPOSITORY / ".env.example").read_text(encoding="utf-8").splitlines()
    shown = {found[1]: found[2] for line in lines if (found := re.fullmatch(r"#(\w+)=(.*)", line))}
    defaults = {variable(name): field.default for name, field in LocalSettings.model_fields.items()}

    for name, default in defaults.items():
        if isinstance(default, dict):
            assert json.loads(shown[name]) == default
        elif isinstance(default, Path):
            assert REPOSITORY / shown[name] == default
        else:
            assert shown[name] == ("" if default is None else str(default))
