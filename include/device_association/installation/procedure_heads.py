"""Reads the parameters of a stored procedure out of its text, ours or the portal's, as either database keeps it.

A catalogue of SQL Server doesn't say which parameters a call may leave out; the text does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from device_association.installation.column_types import SqlType, make_type
from device_association.installation.statement_uses import bare, split_list

_PROCEDURE = re.compile(r"\b(?:CREATE|ALTER)\s+(?:OR\s+\w+\s+)?PROC(?:EDURE)?\s+([\w.\[\]\"]+)", re.IGNORECASE)
_PARAMETER = re.compile(r"^(?:(?:IN|OUT|INOUT|VARIADIC)\s+)?@?(\w+)\s+(.+?)(\s*=.*|\s+DEFAULT\b.*)?$", re.I | re.S)
_TYPE = re.compile(
    r"^([\w .\"\[\]]+?)\s*(?:\(\s*(\w+)\s*(?:,\s*(\d+)\s*)?\))?(?:\s+(?:OUT|OUTPUT|READONLY|NULL))*$", re.I
)
_ENDS_HEAD = re.compile(r"\b(?:AS|WITH|FOR)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a stored procedure."""

    name: str
    type: SqlType
    optional: bool


def parameters(definition: str, dialect: str) -> tuple[Parameter, ...] | None:
    """Return the parameters in a CREATE PROCEDURE's head, in order; None where there is no such head to read."""
    sql = bare(definition)
    head = _PROCEDURE.search(sql)
    if head is None:
        return None
    rest = re.sub(r"(@\w+)\s+AS\s+", r"\1 ", sql[head.end() :], flags=re.IGNORECASE).lstrip()
    in_brackets = rest.startswith("(")
    parts = split_list(rest[1:], ",", re.compile(r"\)")) if in_brackets else split_list(rest, ",", _ENDS_HEAD)
    return tuple(_parameter(part.strip(), dialect) for part in parts if part.strip())


def _parameter(text: str, dialect: str) -> Parameter:
    found = _PARAMETER.match(text)
    if found is None:
        return Parameter(text, SqlType("?", "?"), optional=False)
    name, spelled, default = found.groups()
    parts = _TYPE.match(spelled)
    kind = make_type(*parts.groups(), dialect=dialect) if parts else SqlType(spelled, spelled)
    return Parameter(name, kind, optional=default is not None)
