"""Every statement that is not portable stands there for both databases, with the same binds and its reason."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from device_association.database.dialects import SUFFIX
from device_association.database.execution import SQL_FOLDER, statement

FILES = sorted(SQL_FOLDER.rglob("*.sql"))
SCRIPTS = {"views", "procedures"}
"""Folders of DDL: run once by a migration, not statement by statement."""


def bare_name(file: Path) -> str:
    return re.sub(r"(\.postgres|\.sqlserver)?\.sql$", "", str(file.relative_to(SQL_FOLDER)))


def names(suffix: str) -> set[str]:
    return {bare_name(file) for file in FILES if file.name.endswith(suffix)}


def test_each_twin_has_its_other_and_no_portable_file_beside_it() -> None:
    postgres, sql_server = names(SUFFIX["postgresql"]), names(SUFFIX["mssql"])
    assert len(postgres) > 20
    assert postgres == sql_server
    portable = {bare_name(file) for file in FILES if not file.name.endswith(tuple(SUFFIX.values()))}
    assert portable & postgres == set()


@pytest.mark.parametrize("name", sorted({bare_name(file) for file in FILES if file.parent.name not in SCRIPTS}))
def test_a_statement_takes_the_same_binds_on_both(name: str) -> None:
    binds = [set(statement(name, dialect).compile().params) for dialect in SUFFIX]
    assert binds[0] == binds[1]


@pytest.mark.parametrize("file", FILES, ids=bare_name)
def test_a_file_begins_with_what_it_does_and_why_a_second_run_is_safe(file: Path) -> None:
    lines = file.read_text(encoding="utf-8").splitlines()
    header = " ".join(line for line in lines[:6] if line.startswith("--"))
    assert re.search(r"Safe to run twice|A second run|Alembic runs this once", header)
