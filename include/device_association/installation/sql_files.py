"""Finds the SQL files of this checkout that a database needs: the portable ones and those in its own words."""

from __future__ import annotations

from pathlib import Path

from device_association.database.dialects import SUFFIX
from device_association.database.execution import SQL_FOLDER


def sql_files(dialect: str, folder: str, pattern: str = "*") -> list[Path]:
    """Return the files of `include/sql/<folder>` that match and that this database runs, in the order of their names."""
    others = tuple(suffix for name, suffix in SUFFIX.items() if name != dialect)
    return [file for file in sorted(SQL_FOLDER.glob(f"{folder}/{pattern}.sql")) if not file.name.endswith(others)]


def bare_name(file: Path) -> str:
    """Return a file's name without `.sql` and the name of its database."""
    return file.name.partition(".")[0]
