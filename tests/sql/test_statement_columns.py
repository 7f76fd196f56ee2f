"""Each statement gives the columns that its row type has, and gets the binds that it names; no database is needed."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import sqlglot
from sqlglot import exp

from device_association.database.dialects import POSTGRESQL, SQL_SERVER
from device_association.database.execution import SQL_FOLDER, statement

PRODUCT = SQL_FOLDER.parent / "device_association"
READERS = {"rows", "row", "only_row"}
"""The functions of `database.execution` whose second argument is a row type, and whose third is the statement's name."""
RUNNERS = READERS | {"run", "changed", "exists", "values"}
SQLGLOT = {POSTGRESQL: "postgres", SQL_SERVER: "tsql"}
KEPT_OUTPUT = re.compile(r"OUTPUT\s+[^;]*?\s+INTO\s+@\w+(\s*\([^)]*\))?", re.IGNORECASE)
"""An OUTPUT into a table variable; sqlglot does not read it, and it returns nothing."""
BIND = re.compile(r"(?<![:\w]):([a-z_]\w*)")


@dataclass(frozen=True)
class Use:
    """One call that runs a statement. `binds_known`: no `**` hides some of them; `kind`: the dotted name of its row type."""

    place: str
    name: str
    kind: tuple[str, str] | None
    binds: frozenset[str]
    binds_known: bool


def uses() -> Iterator[Use]:
    for file in sorted(PRODUCT.rglob("*.py")):
        module = ".".join(("device_association", *file.relative_to(PRODUCT).with_suffix("").parts))
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in RUNNERS:
                yield from use_of(node, node.func.id, module, file)


def use_of(node: ast.Call, called: str, module: str, file: Path) -> Iterator[Use]:
    place = 2 if called in READERS else 1
    named = node.args[place] if len(node.args) > place else None
    kind = node.args[1] if called in READERS and len(node.args) > 1 else None
    binds = frozenset(one.arg for one in node.keywords if one.arg)
    known = all(one.arg for one in node.keywords)
    for name in names_of(named):
        type_name = (module, kind.id) if isinstance(kind, ast.Name) else None
        yield Use(f"{file.name}:{node.lineno}", name, type_name, binds, known)


def names_of(node: ast.expr | None) -> Iterator[str]:
    """Return the statement, or both where one of two is chosen."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from names_of(node.body)
        yield from names_of(node.orelse)


USES = list(uses())
READS = [use for use in USES if use.kind is not None]


def columns_of(name: str, dialect: str) -> list[str]:
    """Return the columns of the last query of a statement file."""
    text = KEPT_OUTPUT.sub("", BIND.sub("NULL", statement(name, dialect).text))
    *_, last = (one for one in sqlglot.parse(text, dialect=SQLGLOT[dialect]) if one is not None)
    returning = last.args.get("returning") or last.find(exp.Returning)
    query = returning if returning is not None and not isinstance(last, exp.Query) else last
    selected = query.selects if isinstance(query, exp.Query) else query.expressions  # of a union: its first part's
    return [one.alias_or_name.lower() for one in selected]


def binds_of(name: str, dialect: str) -> frozenset[str]:
    return frozenset(statement(name, dialect).compile().params)


def kind_of(use: Use) -> Any:
    assert use.kind is not None
    return getattr(import_module(use.kind[0]), use.kind[1])


@pytest.mark.parametrize("dialect", SQLGLOT)
@pytest.mark.parametrize("use", READS, ids=lambda use: f"{use.name} in {use.place}")
def test_each_statement_gives_the_columns_of_its_row_type(use: Use, dialect: str) -> None:
    assert sorted(columns_of(use.name, dialect)) == sorted(field.name for field in fields(kind_of(use)))


@pytest.mark.parametrize("dialect", SQLGLOT)
@pytest.mark.parametrize("use", USES, ids=lambda use: f"{use.name} in {use.place}")
def test_each_statement_gets_the_binds_that_it_names(use: Use, dialect: str) -> None:
    wanted = binds_of(use.name, dialect)
    assert use.binds <= wanted
    assert use.binds == wanted or not use.binds_known
