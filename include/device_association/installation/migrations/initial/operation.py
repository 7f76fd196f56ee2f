"""Our working tables about the running of it all: the accounts' call limits, findings, dead letters, jobs and alarms."""

from device_association.installation.migrations.initial import columns as c


def call_budget() -> None:
    c.create_table(
        "device_association.call_budget",
        c.key("ConnectionId", c.text(250)),
        c.required("CallsPerMinute", c.INT),
        c.check("CallsPerMinute > 0"),
        c.required("TimeZone", c.text(100), default="'UTC'"),
        c.required("NextPaced", c.INSTANT),
        c.required("PausedUntil", c.INSTANT),
        c.required("PauseReason", c.text(200), default=c.in_words(postgresql="''", mssql="N''")),
        c.required("PausedSeconds", c.INT, default="0"),
        c.required("Day", c.DATE),
        c.required("CallsToday", c.INT, default="0"),
        c.check("CallsToday >= 0"),
        c.required("FailuresInRow", c.INT, default="0"),
        c.required("OpenUntil", c.INSTANT),
    )


def call_slot() -> None:
    c.create_table(
        "device_association.call_slot",
        c.key("ConnectionId", c.text(250), "device_association.call_budget.ConnectionId"),
        c.key("SlotNumber", c.INT),
        c.check("SlotNumber > 0"),
        c.required("FreeFrom", c.INSTANT),
        c.required("UsedFrom", c.INSTANT),
        c.required("BulkChangeId", c.BIGINT),
    )


def finding() -> None:
    c.create_table(
        "device_association.finding",
        c.numbered(c.BIGINT),
        c.required("Kind", c.text(50)),
        c.required("Subject", c.text(200)),
        c.optional("IntegrationAuthenticationId", c.INT),
        c.optional("TenantId", c.INT),
        c.optional("BulkChangeId", c.BIGINT),
        c.optional("ICCID", c.text(50)),
        c.optional("RevServiceId", c.INT),
        c.required("Detail", c.text(1000)),
        *c.flag("IsRepaired"),
        c.required("FoundDate", c.INSTANT),
        c.required("SeenDate", c.INSTANT),
        c.optional("ClosedDate", c.INSTANT),
        c.unique("Kind", "Subject"),
        c.check("SeenDate >= FoundDate"),
    )
    c.create_index("ix_finding_open", "device_association.finding", "ClosedDate", "id")
    c.create_index("ix_finding_line", "device_association.finding", "IntegrationAuthenticationId", "RevServiceId")


def dead_letter() -> None:
    c.create_table(
        "device_association.dead_letter",
        c.numbered(c.BIGINT),
        c.required("MessageId", c.text(100)),
        c.unique("MessageId"),
        c.required("Body", c.LONG_TEXT),
        c.required("Attributes", c.LONG_TEXT),
        c.optional("BulkChangeId", c.BIGINT),
        c.optional("RetryNumber", c.BIGINT),
        c.required("Cause", c.text(50)),
        c.required("Detail", c.text(1000)),
        c.required("State", c.text(20)),
        c.one_of("State", "FOUND", "REDRIVEN", "QUARANTINED", "GONE"),
        c.optional("SentDate", c.INSTANT),
        c.required("FoundDate", c.INSTANT),
        c.required("SeenDate", c.INSTANT),
        c.optional("DecidedDate", c.INSTANT),
        c.optional("DecidedBy", c.text(100)),
        c.exactly_when(
            "State = 'FOUND'", "DecidedDate IS NULL", unless="State <> 'FOUND'", without="DecidedDate IS NOT NULL"
        ),
    )
    c.create_index("ix_dead_letter_state", "device_association.dead_letter", "State", "SeenDate")


def heartbeat() -> None:
    c.create_table(
        "device_association.heartbeat",
        c.key("Name", c.text(50)),
        c.required("SeenDate", c.INSTANT),
    )


def alarm() -> None:
    c.create_table(
        "device_association.alarm",
        c.key("Name", c.text(50)),
        c.key("Subject", c.text(250)),
        c.required("Said", c.text(1000)),
        c.required("RaisedDate", c.INSTANT),
        c.optional("EndedDate", c.INSTANT),
        c.optional("ToldDate", c.INSTANT),
    )


TABLES = (
    call_budget,
    call_slot,
    finding,
    dead_letter,
    heartbeat,
    alarm,
)
