"""Adopts a portal that is there: says what differs from what we need, and, told to, adds what is ours.

`python -m device_association adopt` changes nothing. `--apply` adds our schema with its working tables, and the view and the
procedures that are missing; nothing of the portal's is altered or dropped. The runbook is docs/runbook-cut-over.md.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from device_association.database.execution import make_engine, run
from device_association.database.tables import PORTAL
from device_association.domain.errors import ConfigurationError, DatabaseUnavailable
from device_association.installation.catalog import Catalogue, read_catalogue
from device_association.installation.compare import compare, theirs
from device_association.installation.migrate import adopt, install_procedures, run_scripts
from device_association.installation.report import Asked, Finding, Severity
from device_association.installation.requirements import COUNTS, ERROR_CODE, read_needs

NOTHING_IN_THE_WAY, SOMETHING_FIRST = 0, 1


def find_differences(engine: Engine, asked: Asked) -> tuple[Catalogue, list[Finding]]:
    """Compare the database with what we need; reads only."""
    found = read_catalogue(engine)
    left_alone = frozenset() if asked.replace_procedures else theirs(found)
    return found, compare(read_needs(engine.dialect.name, left_alone=left_alone), found, asked)


def apply(engine: Engine, findings: Sequence[Finding], asked: Asked) -> None:
    """Add what the findings say is added, in one transaction; raise ConfigurationError if something must be done first."""
    if in_the_way(findings):
        raise ConfigurationError("something must be done first; nothing was changed")
    adopt(engine, list(_additions({one.subject for one in findings if one.severity is Severity.ADDS}, asked)))


def in_the_way(findings: Sequence[Finding]) -> list[Finding]:
    """Return the findings that stand in the way."""
    return [one for one in findings if one.severity is Severity.MUST]


def report(findings: Sequence[Finding]) -> str:
    """Return the findings as a table for people."""
    table = [("", "what", "difference"), *((one.severity.upper(), one.subject, one.problem) for one in findings)]
    widths = [max(len(line[column]) for line in table) for column in (0, 1)]
    lines = [f"{mark:{widths[0]}}  {what:{widths[1]}}  {said}" for mark, what, said in table]
    for number, one in enumerate(findings, start=1):
        lines[number] += f"\n{'':{widths[0]}}  {'':{widths[1]}}  -> {one.remedy}"
    return "\n".join(lines)


def _additions(subjects: set[str], asked: Asked) -> list[Callable[[Connection], None]]:
    """Return what is added in the portal's schema, each before our own tables and in the same transaction."""
    additions: list[Callable[[Connection], None]] = []
    if asked.add_error_code and ".".join(ERROR_CODE) in subjects:
        additions.append(_add_error_code)
    if COUNTS in subjects:
        additions.append(lambda connection: run_scripts(connection, "views", "0001_*"))
    if any(name.startswith(f"{PORTAL}.") for name in subjects):
        additions.append(lambda connection: install_procedures(connection, replace=asked.replace_procedures))
    return additions


def _add_error_code(connection: Connection) -> None:
    run(connection, "installation/add_error_code")


def say_and_apply(url: str, asked: Asked, *, applies: bool) -> int:
    """Compare the database at this URL, and apply when told to; return the exit code."""
    engine = make_engine(url)
    try:
        found, findings = find_differences(engine, asked)
        if found.database:
            print(f"{found.database.database_name} as {found.database.login_name}")
        print(report(findings) if findings else "no difference")
        blocking = in_the_way(findings)
        if applies and not blocking:
            apply(engine, findings, asked)
    except (ConfigurationError, DatabaseUnavailable) as error:
        print(error, file=sys.stderr)
        return SOMETHING_FIRST
    except DBAPIError as error:
        print(f"the database refused, and nothing was kept: {error.orig}", file=sys.stderr)
        return SOMETHING_FIRST
    finally:
        engine.dispose()
    print(_last_line(findings, applied=applies and not blocking))
    return SOMETHING_FIRST if blocking else NOTHING_IN_THE_WAY


def _last_line(findings: Sequence[Finding], *, applied: bool) -> str:
    blocking = len(in_the_way(findings))
    added = [one.subject for one in findings if one.severity is Severity.ADDS]
    if blocking:
        return f"{blocking} thing{'s' if blocking > 1 else ''} must be done first; nothing was changed"
    if applied:
        return f"added: {', '.join(added)}" if added else "there was nothing to add"
    return f"nothing stands in the way; --apply adds: {', '.join(added)}" if added else "nothing stands in the way"
