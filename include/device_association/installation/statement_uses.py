"""Says what our statements do with each table, view and procedure: the columns and the rights that they need.

It knows the forms in which this repository's statement files are written.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

_ENDS_SET = re.compile(r"\b(?:FROM|WHERE|OUTPUT|RETURNING)\b|;")


@dataclass
class Use:
    """What statements do with one table, view or procedure."""

    rights: set[str] = field(default_factory=set)
    words: set[str] = field(default_factory=set)
    written: set[str] = field(default_factory=set)
    inserts: list[frozenset[str]] = field(default_factory=list)


def uses(sql: str) -> Mapping[str, Use]:
    """Return what a statement file does with each table, view and procedure that it names with its schema."""
    sql = re.sub(r"\bDISTINCT FROM\b", "DISTINCT", bare(sql))
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
        found[one[1]].written |= {part.split("=")[0].strip() for part in split_list(sql[one.end() :], ",", _ENDS_SET)}
    for name in re.findall(r"\bDELETE FROM ([a-z_]+\.\w+)", sql):
        found[name].rights.add("DELETE")
    return found


def split_list(text: str, separator: str, end: re.Pattern[str]) -> list[str]:
    """Return the parts of a list up to where it ends; neither separator nor end counts inside brackets."""
    parts, depth, start, at = [], 0, 0, 0
    while at < len(text) and not (depth == 0 and end.match(text, at)):
        if text[at] == separator and depth == 0:
            parts.append(text[start:at])
            start = at + 1
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        at += 1
    return [*parts, text[start:at]]


def bare(sql: str) -> str:
    """Return SQL without its comments and with its texts emptied."""
    return re.sub(r"/\*.*?\*/|--[^\n]*|('(?:[^']|'')*')", lambda one: "''" if one[1] else " ", sql, flags=re.DOTALL)
