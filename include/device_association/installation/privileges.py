"""Compares what a login may do in a portal's database with what our statements, and `--apply`, do there."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from device_association.database.dialects import SQL_SERVER
from device_association.database.tables import OURS, PORTAL
from device_association.installation.catalog import Catalogue
from device_association.installation.report import Finding, Severity
from device_association.installation.requirements import COUNTS, ERROR_CODE, Needs


def missing_rights(needs: Needs, found: Catalogue, *, making: Collection[str]) -> Iterator[Finding]:
    """Find the rights that the login lacks, with those that it takes to make what is to be added."""
    if "list_rights" in found.unread or found.database is None:
        return
    login = found.database.login_name
    for name in sorted(needs.uses):
        has = found.rights.get(found.ours(name))
        lacking = ", ".join(sorted(_wanted(needs, name, making) - has)) if has is not None else ""
        if lacking:
            yield Finding(Severity.MUST, name, f"{login} lacks {lacking}", _grant(lacking, name, login, found.dialect))
    absent = [
        right for right, needed in _to_make(needs, making).items() if needed and not getattr(found.database, right)
    ]
    if absent:
        said = ", ".join(_MAKING[right] for right in absent)
        yield Finding(
            Severity.MUST, "--apply", f"{login} lacks {said}", "grant it, or --apply with a login that has it"
        )


_MAKING = {
    "can_create_schema": "CREATE SCHEMA",
    "can_create_table": "CREATE TABLE",
    "can_create_view": "CREATE VIEW",
    "can_create_procedure": "CREATE PROCEDURE",
    "can_change_dbo": "the right to make objects in schema dbo",
}


def _wanted(needs: Needs, name: str, making: Collection[str]) -> set[str]:
    wanted = set(needs.uses[name].rights)
    if name == ERROR_CODE[0] and ".".join(ERROR_CODE) in making:
        wanted.add("ALTER")
    return wanted


def _grant(rights: str, name: str, login: str, dialect: str) -> str:
    if dialect == SQL_SERVER:
        return f"GRANT {rights} ON {name} TO {login}"
    if "ALTER" in rights:
        return f"--apply as the owner of {name}"
    return f"GRANT {rights} ON {'PROCEDURE ' if rights == 'EXECUTE' else ''}{name} TO {login}"


def _to_make(needs: Needs, making: Collection[str]) -> dict[str, bool]:
    """Return which rights in the database the additions need."""
    view = COUNTS in making
    procedure = any(name.removeprefix(f"{PORTAL}.") in needs.procedures for name in making)
    return {
        "can_create_schema": OURS in making,
        "can_create_table": OURS in making,
        "can_create_view": OURS in making or view,
        "can_create_procedure": procedure,
        "can_change_dbo": view or procedure,
    }
