"""Compares a portal's database with what the product needs of it; each difference says what to do."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from device_association.database.dialects import SQL_SERVER
from device_association.database.tables import OURS, PORTAL
from device_association.installation.catalog import COLUMN_PARTS, Catalogue
from device_association.installation.column_types import Column
from device_association.installation.migrate import MARKER, newest_revision
from device_association.installation.privileges import missing_rights
from device_association.installation.procedure_heads import Parameter, parameters
from device_association.installation.report import Asked, Finding, Severity
from device_association.installation.requirements import COUNTS, COUNTS_COLUMNS, ERROR_CODE, Needs, procedures
from device_association.installation.statement_uses import Use

MIN_LEVEL = 130


def theirs(found: Catalogue) -> frozenset[str]:
    """Return the procedures of our names that somebody else installed."""
    existing = {name: found.procedures.get(found.ours(name), ()) for name in procedures(found.dialect)}
    return frozenset(name for name, texts in existing.items() if any(MARKER not in (text or "") for text in texts))


def compare(needs: Needs, found: Catalogue, asked: Asked) -> list[Finding]:
    """Return every difference, those that stand in the way first."""
    every = [*_database(found), *_tables(needs, found, asked), *_triggers(needs, found), *_working_tables(needs, found)]
    every += [*_procedures(needs, found, asked)]
    every += missing_rights(needs, found, making=[one.subject for one in every if one.severity is Severity.ADDS])
    order = list(Severity)
    return sorted(every, key=lambda one: order.index(one.severity))


def _database(found: Catalogue) -> Iterator[Finding]:
    for part, why in found.unread.items():
        severity = Severity.MUST if part in COLUMN_PARTS else Severity.UNCHECKED
        yield Finding(severity, part, f"could not be checked: {why}", "check it by hand, or with another login")
    database = found.database
    level = database.compatibility_level if database else None
    if not found.reads_json or (level is not None and level < MIN_LEVEL):
        severity = Severity.ADVICE if found.reads_json else Severity.MUST
        said = "and OPENJSON works all the same" if found.reads_json else "and OPENJSON fails"
        raise_level = f"ALTER DATABASE CURRENT SET COMPATIBILITY_LEVEL = {MIN_LEVEL} or above; test the portal with it"
        yield Finding(severity, "compatibility level", f"is {level}, needed is {MIN_LEVEL}, {said}", raise_level)
    if database and database.reads_snapshots == 0:
        yield Finding(
            Severity.ADVICE,
            "read committed snapshot",
            "is off: readers of the portal and our statements wait for each other",
            "have it switched on in a quiet hour (ALTER DATABASE CURRENT SET READ_COMMITTED_SNAPSHOT ON)",
        )


def _tables(needs: Needs, found: Catalogue, asked: Asked) -> Iterator[Finding]:
    if any(part in found.unread for part in COLUMN_PARTS):
        return
    if not any(found.ours(name) in found.columns for name in needs.of_portal()):
        why = "has none of the portal's tables, or this login may see none of them"
        remedy = "GRANT SELECT on them; a new installation is built by `python -m device_association migrate`"
        yield Finding(Severity.MUST, PORTAL, why, remedy)
        return
    for name in needs.of_portal():
        columns = found.columns.get(found.ours(name))
        if columns is None:
            why = "is missing, or this login may not see it"
            yield Finding(
                Severity.MUST, name, why, f"make it, or GRANT {', '.join(sorted(needs.uses[name].rights))} on it"
            )
            continue
        use = needs.uses[name]
        for column in needs.tables[name].values():
            if column.name in use.words:
                yield from _column(name, column, columns.get(found.ours(column.name)), use, asked, found.dialect)
        yield from _unknown_columns(name, needs, found)
    yield from _counts_view(found)


def _counts_view(found: Catalogue) -> Iterator[Finding]:
    there = found.columns.get(found.ours(COUNTS))
    if there is None:
        yield Finding(Severity.ADDS, COUNTS, "is missing", "--apply adds this view")
        return
    for column in COUNTS_COLUMNS:
        if found.ours(column) not in there:
            yield Finding(Severity.MUST, f"{COUNTS}.{column}", "is missing", "add it to the portal's view")


def _column(table: str, ours: Column, there: Column | None, use: Use, asked: Asked, dialect: str) -> Iterator[Finding]:
    subject, written = f"{table}.{ours.name}", ours.name in use.written
    if there is None and (table, ours.name) == ERROR_CODE:
        severity = Severity.ADDS if asked.add_error_code else Severity.MUST
        yield Finding(severity, subject, "is missing: our code of each refused device", "add it with --add-error-code")
    elif there is None:
        yield Finding(Severity.MUST, subject, "is missing", f"add it as {ours.type.spelled}")
    else:
        yield from _type(subject, ours, there, written, dialect)
        yield from _nulls(subject, ours, there, use)


def _type(subject: str, ours: Column, there: Column, written: bool, dialect: str) -> Iterator[Finding]:
    wanted, has = ours.type, there.type
    if wanted.kind != has.kind:
        yield Finding(Severity.MUST, subject, f"is {has.spelled}, needed is {wanted.spelled}", "change its type")
    elif not has.holds(wanted):
        severity = Severity.MUST if written else Severity.ADVICE
        why = f"is {has.spelled}, too short for {wanted.spelled}" + ("" if written else ", which we only read")
        yield Finding(severity, subject, why, f"widen it to {wanted.spelled}" if written else "nothing to do")
    elif wanted.kind == "whole number" and not wanted.holds(has):
        why = f"is {has.spelled}, wider than {wanted.spelled}"
        yield Finding(Severity.ADVICE, subject, why, f"keep its values within {wanted.spelled}")
    elif dialect == SQL_SERVER and wanted.spelled.startswith("nvarchar") and has.spelled.startswith("varchar"):
        why = f"is {has.spelled}, needed is {wanted.spelled}: other code pages are lost, and searches pass its index by"
        yield Finding(Severity.ADVICE, subject, why, "change its type when you can")
    if there.collation is not None:
        why = f"has the collation {there.collation}, not the database's: comparing it with ours fails"
        yield Finding(Severity.MUST, subject, why, "give it the database's default collation")


def _nulls(subject: str, ours: Column, there: Column, use: Use) -> Iterator[Finding]:
    left_out = any(ours.name not in columns for columns in use.inserts)
    if ours.nullable and not there.nullable and ours.name in use.written:
        yield Finding(Severity.MUST, subject, "takes no NULL, and we write NULL into it", "let it take NULL")
    elif not ours.nullable and left_out and ours.has_default and not there.has_default:
        yield Finding(Severity.MUST, subject, "has no default, and our INSERT leaves it out", "give it a default")
    elif not ours.nullable and there.nullable:
        why = "takes NULL: a row with NULL in it is passed over"
        yield Finding(Severity.ADVICE, subject, why, "look for such rows and fill them")


def _unknown_columns(table: str, needs: Needs, found: Catalogue) -> Iterator[Finding]:
    """Find columns of theirs without which no row can be inserted, and that our INSERT does not know."""
    inserts = needs.uses[table].inserts
    read = {found.ours(name) for name in needs.uses[table].words if name in needs.tables[table]}
    for name, column in found.columns[found.ours(table)].items():
        left_out = any(name not in map(found.ours, columns) for columns in inserts)
        if left_out and name not in read and not column.nullable and not column.has_default:
            why = f"is {column.type.spelled} NOT NULL without a default, and our INSERT leaves it out"
            yield Finding(Severity.MUST, f"{table}.{column.name}", why, "give it a default, or let it take NULL")


def _triggers(needs: Needs, found: Catalogue) -> Iterator[Finding]:
    written = {found.ours(name): name for name, use in needs.uses.items() if use.written}
    for one in found.triggers:
        if one.table_name in written:
            subject = f"{written[one.table_name]}, trigger {one.trigger_name}"
            if one.is_instead_of:
                why = "takes the place of our write, whose new ids we then cannot read"
                yield Finding(Severity.MUST, subject, why, "disable it, or make it an AFTER trigger")
            else:
                fine = ", which is fine: our statements say OUTPUT ... INTO" if found.dialect == SQL_SERVER else ""
                why = f"runs at our writes too{fine}"
                yield Finding(
                    Severity.ADVICE,
                    subject,
                    why,
                    "see that it works on many rows at once, and sets NOCOUNT ON where there is such a thing",
                )


def _working_tables(needs: Needs, found: Catalogue) -> Iterator[Finding]:
    there = [name for name in needs.ours() if found.ours(name) in found.columns]
    if found.revision is None and len(there) == len(needs.ours()):
        why = "has all our tables; its version could not be checked"
        yield Finding(Severity.UNCHECKED, OURS, why, f"GRANT SELECT ON {OURS}.schema_version to have it checked")
    elif found.revision is None and there:
        why = f"has {len(there)} of our {len(needs.ours())} tables that this login may see, and no version"
        yield Finding(
            Severity.MUST, OURS, why, "GRANT this login its rights on all of them, or drop what is left of ours"
        )
    elif found.revision is None:
        yield Finding(Severity.ADDS, OURS, "is missing", f"--apply adds this schema with {len(needs.ours())} tables")
    elif found.revision != newest_revision():
        why = f"is at revision {found.revision}"
        yield Finding(Severity.ADDS, OURS, why, f"--apply brings it to {newest_revision()}")


def _procedures(needs: Needs, found: Catalogue, asked: Asked) -> Iterator[Finding]:
    others = theirs(found)
    for name, ours in needs.procedures.items():
        subject, texts = f"{PORTAL}.{name}", found.procedures.get(found.ours(name))
        if texts is None:
            if "list_procedures" not in found.unread:
                why = "is missing, or this login may not see it"
                yield Finding(
                    Severity.ADDS, subject, why, f"--apply adds it; if it is there, GRANT EXECUTE ON {subject}"
                )
        elif name in others and asked.replace_procedures:
            yield Finding(
                Severity.ADDS, subject, "is the portal's own", "--apply REPLACES it: grant EXECUTE on it again"
            )
        elif name in others:
            yield from _parameters(subject, ours, texts, found)


def _parameters(
    subject: str, ours: tuple[Parameter, ...], texts: Collection[str | None], found: Catalogue
) -> Iterator[Finding]:
    heads = [parameters(text, found.dialect) for text in texts if text is not None]
    if any(head is not None and not _difference(ours, head, found) for head in heads):
        yield Finding(
            Severity.ADVICE, subject, "is the portal's own, with the same parameters", "nothing to do: it is left alone"
        )
    elif not heads or heads[0] is None:
        why = "is there; its text is hidden, so whose it is and what it takes could not be checked"
        yield Finding(
            Severity.UNCHECKED, subject, why, f"GRANT VIEW DEFINITION ON {subject}, or compare: {_said(ours)}"
        )
    else:
        why = f"is the portal's own, and differs: {_difference(ours, heads[0], found)}"
        yield Finding(Severity.MUST, subject, why, f"change it to take {_said(ours)}; or --replace-procedures")


def _difference(ours: tuple[Parameter, ...], there: tuple[Parameter, ...], found: Catalogue) -> str:
    """Say how the parameters differ; more of theirs are fine where a call may leave them out."""
    for number, mine in enumerate(ours, start=1):
        if len(there) < number:
            return f"it takes {len(there)} parameters, needed are {len(ours)} ({mine.name} is missing)"
        other = there[number - 1]
        if found.ours(mine.name) != found.ours(other.name):
            return f"parameter {number} is {other.name}, needed is {mine.name}"
        if mine.type.kind != other.type.kind or not other.type.holds(mine.type):
            return f"{mine.name} is {other.type.spelled}, needed is {mine.type.spelled}"
    more = [one.name for one in there[len(ours) :] if not one.optional]
    return f"it takes {len(there)} parameters, needed are {len(ours)} ({', '.join(more)} more)" if more else ""


def _said(ours: tuple[Parameter, ...]) -> str:
    return ", ".join(f"{one.name} {one.type.spelled}" for one in ours)
