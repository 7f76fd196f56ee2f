"""Reads our own SQL as text: the columns that a script makes, what a statement touches, a procedure's parameters.

It knows the forms in which this repository's files are written, and the head of any CREATE PROCEDURE of either database.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from device_association.database.dialects import SQL_SERVER

_WHOLE, _TEXT, _INSTANT = "whole number", "text", "instant in UTC"
_SIZES = {"bit": 1, "tinyint": 2, "smallint": 3, "int": 4, "integer": 4, "bigint": 5}
_KINDS = dict.fromkeys(_SIZES, _WHOLE) | {
    **dict.fromkeys(("nvarchar", "varchar", "character varying"), _TEXT),
    **dict.fromkeys(("decimal", "numeric"), "decimal"),
    **dict.fromkeys(("datetime2", "datetime", "timestamptz", "timestamp with time zone"), _INSTANT),
    **dict.fromkeys(("uniqueidentifier", "uuid"), "guid"),
    **dict.fromkeys(("nchar", "char", "character"), "padded text"),
}
_SIZED = frozenset((_TEXT, _INSTANT, "decimal", "padded text"))
_UNSAID: dict[str, tuple[int, int | None]] = {_TEXT: (1, None), "padded text": (1, None), "decimal": (18, 0)}
"""What SQL Server takes where a declaration says no size."""
_COLUMN = re.compile(r"^ {4}(\w+) (?!AS\b)(\w+)(?: ?\((\w+)(?:, (\d+))?\))?(.*)$", re.MULTILINE)
_PROCEDURE = re.compile(r"\b(?:CREATE|ALTER)\s+(?:OR\s+\w+\s+)?PROC(?:EDURE)?\s+([\w.\[\]\"]+)", re.IGNORECASE)
_PARAMETER = re.compile(r"^(?:(?:IN|OUT|INOUT|VARIADIC)\s+)?@?(\w+)\s+(.+?)(\s*=.*|\s+DEFAULT\b.*)?$", re.I | re.S)
_TYPE = re.compile(
    r"^([\w .\"\[\]]+?)\s*(?:\(\s*(\w+)\s*(?:,\s*(\d+)\s*)?\))?(?:\s+(?:OUT|OUTPUT|READONLY|NULL))*$", re.I
)


@dataclass(frozen=True, slots=True)
class SqlType:
    """A column's or a parameter's type: its kind, and how much it holds (None: no limit)."""

    spelled: str
    kind: str
    size: int | None = None
    scale: int | None = None

    def holds(self, other: SqlType) -> bool:
        """Whether every value of the other type, which is of the same kind, fits into this one."""
        if self.size is None:
            return True
        if other.size is None:
            return False
        mine, others = self.scale or 0, other.scale or 0
        return mine >= others and self.size - mine >= other.size - others


@dataclass(frozen=True, slots=True)
class Column:
    """A column as a script makes it or as a database has it."""

    name: str
    type: SqlType
    nullable: bool
    has_default: bool
    collation: str | None = None


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a stored procedure."""

    name: str
    type: SqlType
    optional: bool


@dataclass
class Use:
    """What statements do with one table, view or procedure."""

    rights: set[str] = field(default_factory=set)
    words: set[str] = field(default_factory=set)
    written: set[str] = field(default_factory=set)
    inserts: list[frozenset[str]] = field(default_factory=list)
    referenced: set[str] = field(default_factory=set)


def make_type(name: str, size: int | str | None, scale: int | str | None, *, dialect: str) -> SqlType:
    """Return the type of that name in that database; -1 or MAX characters are no limit."""
    name = name.strip().lower()
    kind = _TEXT if name == "text" and dialect != SQL_SERVER else _KINDS.get(name, name)
    if kind == _WHOLE:
        return SqlType(name, kind, _SIZES[name])
    if size is None and dialect == SQL_SERVER:
        size, scale = _UNSAID.get(kind, (None, None))
    if size is None or kind not in _SIZED:
        return SqlType(name, kind)
    if not str(size).isdigit():
        return SqlType(f"{name}(max)", kind)
    if kind == "decimal":
        return SqlType(f"{name}({size}, {scale or 0})", kind, int(size), int(scale or 0))
    return SqlType(name if name == "datetime" else f"{name}({size})", kind, int(size))


def tables(script: str, dialect: str) -> Iterator[tuple[str, dict[str, Column]]]:
    """Return each table that a script of ours makes, with its columns."""
    for name, body in re.findall(r"^CREATE TABLE (\S+) \(\n(.*?)^\);", script, re.MULTILINE | re.DOTALL):
        yield (
            name,
            {found[0]: _column(*found, dialect=dialect) for found in _COLUMN.findall(body) if not _is_rule(found[0])},
        )


def views(script: str) -> Iterator[tuple[str, str]]:
    """Return each view that a script of ours makes, with its query."""
    yield from re.findall(r"^CREATE VIEW (\S+) AS\n(.*?)(?:;|\Z)", script, re.MULTILINE | re.DOTALL)


def uses(sql: str) -> Mapping[str, Use]:
    """Return what a statement file does with each table, view and procedure that it names with its schema."""
    sql = re.sub(r"\bDISTINCT FROM\b", "DISTINCT", _bare(sql))
    found: defaultdict[str, Use] = defaultdict(Use)
    words = set(re.findall(r"\w+", sql))
    calls = set(re.findall(r"\b(?:EXEC|CALL) ([\w.]+)", sql))
    for name in re.findall(r"\b(?:dbo|device_association)\.\w+", sql):
        found[name].words |= words
        found[name].rights.add("EXECUTE" if name in calls else "SELECT")
    for name, columns in re.findall(r"\bINSERT INTO ([a-z_]+\.\w+)(?: AS \w+)? \(([^)]*)\)", sql):
        found[name].rights |= {"INSERT", "UPDATE"} if "DO UPDATE" in sql else {"INSERT"}
        found[name].inserts.append(frozenset(re.findall(r"\w+", columns)))
        found[name].written |= found[name].inserts[-1]
    for one in re.finditer(r"\bUPDATE ([a-z_]+\.\w+)(?: AS \w+)?\s+SET\s", sql):
        found[one[1]].rights.add("UPDATE")
        found[one[1]].written |= {part.split("=")[0].strip() for part in _split(sql[one.end() :], ",", _ENDS_SET)}
    for name in re.findall(r"\bDELETE FROM ([a-z_]+\.\w+)", sql):
        found[name].rights.add("DELETE")
    for name, column in re.findall(r"\bREFERENCES ([a-z_]+\.\w+) \((\w+)\)", sql):
        found[name].referenced.add(column)
    return found


def parameters(definition: str, dialect: str) -> tuple[Parameter, ...] | None:
    """Return the parameters in a CREATE PROCEDURE's head, in order; None where there is no such head to read."""
    sql = _bare(definition)
    head = _PROCEDURE.search(sql)
    if head is None:
        return None
    rest = re.sub(r"(@\w+)\s+AS\s+", r"\1 ", sql[head.end() :], flags=re.IGNORECASE).lstrip()
    in_brackets = rest.startswith("(")
    parts = _split(rest[1:], ",", re.compile(r"\)")) if in_brackets else _split(rest, ",", _ENDS_HEAD)
    return tuple(_parameter(part.strip(), dialect) for part in parts if part.strip())


_ENDS_SET = re.compile(r"\b(?:FROM|WHERE|OUTPUT|RETURNING)\b|;")
_ENDS_HEAD = re.compile(r"\b(?:AS|WITH|FOR)\b", re.IGNORECASE)


def _split(text: str, separator: str, end: re.Pattern[str]) -> list[str]:
    """Return the parts of a list up to where it ends; neither separator nor end counts inside brackets."""
    parts, depth, start, at = [], 0, 0, 0
    while at < len(text) and not (depth == 0 and end.match(text, at)):
        if text[at] == separator and depth == 0:
            parts.append(text[start:at])
            start = at + 1
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        at += 1
    return [*parts, text[start:at]]


def _column(name: str, type_name: str, size: str, scale: str, rest: str, *, dialect: str) -> Column:
    given = "DEFAULT" in rest or "IDENTITY" in rest or "GENERATED" in rest
    required = "NOT NULL" in rest or "PRIMARY KEY" in rest
    return Column(name, make_type(type_name, size or None, scale or None, dialect=dialect), not required, given)


def _is_rule(word: str) -> bool:
    return word in ("UNIQUE", "CHECK", "PRIMARY", "FOREIGN", "CONSTRAINT")


def _parameter(text: str, dialect: str) -> Parameter:
    found = _PARAMETER.match(text)
    if found is None:
        return Parameter(text, SqlType("?", "?"), optional=False)
    name, spelled, default = found.groups()
    parts = _TYPE.match(spelled)
    kind = make_type(*parts.groups(), dialect=dialect) if parts else SqlType(spelled, spelled)
    return Parameter(name, kind, optional=default is not None)


def _bare(sql: str) -> str:
    """Return SQL without its comments and with its texts emptied."""
    return re.sub(r"/\*.*?\*/|--[^\n]*|('(?:[^']|'')*')", lambda one: "''" if one[1] else " ", sql, flags=re.DOTALL)
