"""Our working tables about the running of it all: the accounts' call limits, findings, dead letters, jobs and alarms."""

from __future__ import annotations

from device_association.database.tables.columns import (
    BIGINT,
    DATE,
    INSTANT,
    INT,
    LONG_TEXT,
    EachInItsWords,
    check,
    exactly_when,
    flag,
    index,
    key,
    numbered,
    one_of,
    optional,
    required,
    table,
    text,
    unique,
)

# What all workers and runs together know of a Rev.io account's limits: its pace, its pause, its day, its breaker.
call_budget = table(
    "device_association.call_budget",
    key("ConnectionId", text(250)),
    required("CallsPerMinute", INT),
    check("CallsPerMinute > 0"),
    required("TimeZone", text(100), default="'UTC'"),
    required("NextPaced", INSTANT),
    required("PausedUntil", INSTANT),
    required("PauseReason", text(200), default=EachInItsWords(postgresql="''", mssql="N''")),
    required("PausedSeconds", INT, default="0"),
    required("Day", DATE),
    required("CallsToday", INT, default="0"),
    check("CallsToday >= 0"),
    required("FailuresInRow", INT, default="0"),
    required("OpenUntil", INSTANT),
)


# One row for each call that fits into the account's sliding minute. A call takes a row, which is free again a minute later:
# what a killed worker took comes back by itself.
call_slot = table(
    "device_association.call_slot",
    key("ConnectionId", text(250), "device_association.call_budget.ConnectionId"),
    key("SlotNumber", INT),
    check("SlotNumber > 0"),
    required("FreeFrom", INSTANT),
    required("UsedFrom", INSTANT),
    required("BulkChangeId", BIGINT),
)


# What was found that a person has to look at, or that was repaired: one row a kind and subject, for as long as it is known.
finding = table(
    "device_association.finding",
    numbered(BIGINT),
    required("Kind", text(50)),
    required("Subject", text(200)),
    optional("IntegrationAuthenticationId", INT),
    optional("TenantId", INT),
    optional("BulkChangeId", BIGINT),
    optional("ICCID", text(50)),
    optional("RevServiceId", INT),
    required("Detail", text(1000)),
    *flag("IsRepaired"),
    required("FoundDate", INSTANT),
    required("SeenDate", INSTANT),
    optional("ClosedDate", INSTANT),
    unique("Kind", "Subject"),
    check("SeenDate >= FoundDate"),
    index("ix_finding_open", "ClosedDate", "id"),
    index("ix_finding_line", "IntegrationAuthenticationId", "RevServiceId"),
)


# Messages that nobody could work on: found in the dead-letter queue, then put back or set aside; GONE left it otherwise.
dead_letter = table(
    "device_association.dead_letter",
    numbered(BIGINT),
    required("MessageId", text(100)),
    unique("MessageId"),
    required("Body", LONG_TEXT),
    required("Attributes", LONG_TEXT),
    optional("BulkChangeId", BIGINT),
    optional("RetryNumber", BIGINT),
    required("Cause", text(50)),
    required("Detail", text(1000)),
    required("State", text(20)),
    one_of("State", "FOUND", "REDRIVEN", "QUARANTINED", "GONE"),
    optional("SentDate", INSTANT),
    required("FoundDate", INSTANT),
    required("SeenDate", INSTANT),
    optional("DecidedDate", INSTANT),
    optional("DecidedBy", text(100)),
    exactly_when(
        "State = 'FOUND'", "DecidedDate IS NULL", unless="State <> 'FOUND'", without="DecidedDate IS NOT NULL"
    ),
    index("ix_dead_letter_state", "State", "SeenDate"),
)


# When each of our jobs was last seen at work.
heartbeat = table(
    "device_association.heartbeat",
    key("Name", text(50)),
    required("SeenDate", INSTANT),
)


# What is not well, one row an alarm and subject, and when somebody was told; its end is told too. A failed or late run is
# over at once: it is told again when the last telling is old enough.
alarm = table(
    "device_association.alarm",
    key("Name", text(50)),
    key("Subject", text(250)),
    required("Said", text(1000)),
    required("RaisedDate", INSTANT),
    optional("EndedDate", INSTANT),
    optional("ToldDate", INSTANT),
)
