"""What the product needs of the portal's database, read from its own scripts and statements: never a second list.

A column is needed when a statement that names its table names it too; a right, when a statement uses it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from device_association.database.dialects import SQL_SERVER, SUFFIX
from device_association.database.execution import SQL_FOLDER
from device_association.installation.sql_text import Column, Parameter, Use, parameters, tables, uses, views

PORTAL, OURS = "dbo", "device_association"
ERROR_CODE = ("dbo.M2M_DeviceChange", "ErrorCode")
"""The one column that we add to a table of the portal."""


@dataclass(frozen=True, slots=True)
class Needs:
    """Tables and views (with their columns) as our scripts make them, and what the statements do with each."""

    tables: Mapping[str, Mapping[str, Column]]
    views: Mapping[str, tuple[str, ...]]
    uses: Mapping[str, Use]
    procedures: Mapping[str, tuple[Parameter, ...]]

    def of_portal(self) -> list[str]:
        """Return the portal's tables that a statement of ours names."""
        return [name for name in self.tables if name.startswith(f"{PORTAL}.") and name in self.uses]

    def ours(self) -> list[str]:
        """Return our own working tables."""
        return [name for name in self.tables if name.startswith(f"{OURS}.")]


def read_needs(dialect: str, *, left_alone: Collection[str]) -> Needs:
    """Return the needs on that database; what stands in the procedures that are left alone is not ours to ask for."""
    scripts = [file.read_text(encoding="utf-8") for file in _files(dialect, "schema")]
    made = {name: columns for script in scripts for name, columns in tables(script, dialect)}
    seen = {
        name: tuple(re.findall(r" AS (\w+),?$", query.partition("\nFROM ")[0], re.MULTILINE))
        for script in scripts
        for name, query in views(script)
    }
    return Needs(made, seen, _uses(dialect, scripts, left_alone), procedures(dialect))


def portal_tables(dialect: str) -> frozenset[str]:
    """Return the portal's tables as our scripts make them, in lower case."""
    made = (name for file in _files(dialect, "schema") for name, _ in tables(file.read_text("utf-8"), dialect))
    return frozenset(name.lower() for name in made if name.startswith(f"{PORTAL}."))


def procedures(dialect: str) -> dict[str, tuple[Parameter, ...]]:
    """Return our stored procedures with their parameters."""
    found = {}
    for file in _files(dialect, "procedures"):
        head = parameters(file.read_text(encoding="utf-8"), dialect)
        assert head is not None, f"{file} makes no procedure"
        found[file.name.removesuffix(SUFFIX[dialect])] = head
    return found


def _uses(dialect: str, scripts: Collection[str], left_alone: Collection[str]) -> dict[str, Use]:
    """Return what every statement does; the rights inside a procedure of SQL Server are its owner's, not the caller's."""
    found: defaultdict[str, Use] = defaultdict(Use)
    for file in _files(dialect, "*"):
        if file.parent.name not in ("schema", "adoption", "procedures"):
            _add(found, file.read_text(encoding="utf-8"), with_rights=True)
    for file in _files(dialect, "procedures"):
        if file.name.removesuffix(SUFFIX[dialect]) not in left_alone:
            _add(found, file.read_text(encoding="utf-8"), with_rights=dialect != SQL_SERVER)
    for script in scripts:
        for name, query in views(script):
            if name in found:
                _add(found, query, with_rights=False)
        for name, one in uses(script).items():
            if one.referenced and f"CREATE TABLE {OURS}." in script and name.startswith(f"{PORTAL}."):
                found[name].words |= one.referenced
                found[name].referenced |= one.referenced
    for name in procedures(dialect):
        found[f"{PORTAL}.{name}"].rights &= {"EXECUTE"}
    return found


def _add(found: Mapping[str, Use], sql: str, *, with_rights: bool) -> None:
    for name, one in uses(sql).items():
        use = found[name]
        use.words |= one.words
        use.written |= one.written
        use.inserts += one.inserts
        if with_rights:
            use.rights |= one.rights


def _files(dialect: str, folder: str) -> Iterator[Path]:
    others = tuple(suffix for name, suffix in SUFFIX.items() if name != dialect)
    for file in sorted(SQL_FOLDER.glob(f"{folder}/*.sql")):
        if not file.name.endswith(others):
            yield file
