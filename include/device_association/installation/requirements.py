"""What the product needs of the portal's database: the tables as we declare them, and what our own statements do with each.

A column is needed when a statement that names its table names it too; a right, when a statement uses it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from device_association.database.dialects import SQL_SERVER
from device_association.database.tables import OURS, PORTAL
from device_association.database.tables.columns import METADATA
from device_association.installation.column_types import Column, declared_columns
from device_association.installation.procedure_heads import Parameter, parameters
from device_association.installation.sql_files import bare_name, sql_files
from device_association.installation.statement_uses import Use, uses

ERROR_CODE = ("dbo.M2M_DeviceChange", "ErrorCode")
"""The one column that we add to a table of the portal."""
COUNTS = f"{PORTAL}.vwDeviceBulkChangeCounts"
COUNTS_COLUMNS = ("BulkChangeId", "ChangeCount", "RemainingCount", "ProcessedCount", "ErrorCount", "CanceledCount")
"""The one view in the portal's schema that we need, with its columns."""


@dataclass(frozen=True, slots=True)
class Needs:
    """The tables as we declare them, and what the statements do with each table, view and procedure."""

    tables: Mapping[str, Mapping[str, Column]]
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
    declared = {name: declared_columns(table, dialect) for name, table in METADATA.tables.items()}
    return Needs(declared, _uses(dialect, left_alone), procedures(dialect))


def procedures(dialect: str) -> dict[str, tuple[Parameter, ...]]:
    """Return our stored procedures with their parameters."""
    found = {}
    for file in sql_files(dialect, "procedures"):
        head = parameters(file.read_text(encoding="utf-8"), dialect)
        assert head is not None, f"{file} makes no procedure"
        found[bare_name(file)] = head
    return found


def _uses(dialect: str, left_alone: Collection[str]) -> dict[str, Use]:
    """Return what every statement does; the rights inside a procedure of SQL Server are its owner's, not the caller's."""
    found: defaultdict[str, Use] = defaultdict(Use)
    for file in sql_files(dialect, "*"):
        if file.parent.name not in ("views", "installation", "procedures"):
            _add(found, file.read_text(encoding="utf-8"), with_rights=True)
    for file in sql_files(dialect, "procedures"):
        if bare_name(file) not in left_alone:
            _add(found, file.read_text(encoding="utf-8"), with_rights=dialect != SQL_SERVER)
    for file in sql_files(dialect, "views"):
        head, _, query = file.read_text(encoding="utf-8").partition(" AS\n")
        if head.split()[-1] in found:
            _add(found, query, with_rights=False)
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
