"""Our working tables about lines at Rev.io: those that we create or disconnect, and those that Rev.io has shown."""

from __future__ import annotations

from device_association.database.tables.columns import (
    BIGINT,
    GUID,
    INSTANT,
    INT,
    LONG_TEXT,
    SMALLINT,
    amount,
    ascii_text,
    both_or_none,
    check,
    exactly_when,
    flag,
    foreign_key,
    index,
    key,
    numbered,
    one_of,
    optional,
    primary_key,
    required,
    table,
    text,
    unique,
)

# One row per line that we want from Rev.io, or that a revert ends there (EndsRevServiceId), written before the call: at
# most one open per account and SIM. KEPT: what was to be ended is left at Rev.io, its Detail says why. LookedDate: from when
# what Rev.io shows of the SIM is known; a call begins soon after it. CalledDate, CalledBody: the last call and what it sent.
line_intent = table(
    "device_association.line_intent",
    numbered(BIGINT),
    required("IntegrationAuthenticationId", INT),
    required("ICCID", text(50)),
    optional("MSISDN", text(50)),
    required("DeviceId", INT),
    required("BulkChangeId", BIGINT),
    required("M2MDeviceChangeId", BIGINT),
    required("RevCustomerId", GUID),
    required("State", text(20)),
    one_of("State", "PLANNED", "CALLING", "UNKNOWN", "CREATED", "ADOPTED", "ENDED", "KEPT", "REJECTED", "ABANDONED"),
    optional("LeaseOwner", text(250)),
    optional("LeaseUntil", INSTANT),
    optional("UnknownSince", INSTANT),
    optional("LookedDate", INSTANT),
    optional("CalledDate", INSTANT),
    optional("CalledBody", LONG_TEXT),
    required("Calls", INT, default="0"),
    optional("RevServiceId", INT),
    optional("EndsRevServiceId", INT),
    optional("ReadyDate", INSTANT),
    optional("TriedAgainDate", INSTANT),
    optional("Detail", text(1000)),
    required("CreatedDate", INSTANT),
    required("ModifiedDate", INSTANT),
    check("ReadyDate IS NULL OR State IN ('CREATED', 'ADOPTED', 'ENDED', 'KEPT')"),
    exactly_when(
        "State = 'CALLING'", "LeaseUntil IS NOT NULL", unless="State <> 'CALLING'", without="LeaseUntil IS NULL"
    ),
    exactly_when(
        "State = 'UNKNOWN'", "UnknownSince IS NOT NULL", unless="State <> 'UNKNOWN'", without="UnknownSince IS NULL"
    ),
    exactly_when(
        "State IN ('CREATED', 'ADOPTED')",
        "RevServiceId IS NOT NULL",
        unless="State NOT IN ('CREATED', 'ADOPTED')",
        without="RevServiceId IS NULL",
    ),
    check("EndsRevServiceId IS NULL OR State NOT IN ('CREATED', 'ADOPTED')"),
    check("EndsRevServiceId IS NOT NULL OR State NOT IN ('ENDED', 'KEPT')"),
    index(
        "ux_line_intent_open",
        "IntegrationAuthenticationId",
        "ICCID",
        is_unique=True,
        where="State IN ('PLANNED', 'CALLING', 'UNKNOWN')",
    ),
    # Who else asks for a SIM, in whatever account, is looked up before each call.
    index("ix_line_intent_iccid", "ICCID", "State"),
    index("ix_line_intent_row", "M2MDeviceChangeId"),
    index("ix_line_intent_change", "BulkChangeId", "M2MDeviceChangeId"),
    index("ix_line_intent_ends", "EndsRevServiceId", "IntegrationAuthenticationId"),
)


# Each product of a line is a step with an outcome of its own. ADOPTED: it was on an adopted line before we asked for it.
# A step of an intent that ends a line names the product on the line (EndsServiceProductId, else 0) from the beginning,
# until that is ENDED.
rev_product_step = table(
    "device_association.rev_product_step",
    key("IntentId", BIGINT, "device_association.line_intent.id"),
    key("ProductId", INT),
    key("EndsServiceProductId", INT, default="0"),
    check("EndsServiceProductId >= 0"),
    optional("Rate", amount()),
    required("State", text(20)),
    one_of("State", "PLANNED", "CALLING", "CREATED", "ADOPTED", "ENDED", "REJECTED"),
    optional("LeaseUntil", INSTANT),
    optional("ServiceProductId", INT),
    optional("Detail", text(1000)),
    required("ModifiedDate", INSTANT),
    exactly_when(
        "State = 'CALLING'", "LeaseUntil IS NOT NULL", unless="State <> 'CALLING'", without="LeaseUntil IS NULL"
    ),
    check("State NOT IN ('CREATED', 'ADOPTED', 'ENDED') OR ServiceProductId IS NOT NULL"),
)


# The active lines that Rev.io has shown and that may be the SIM's of an intent, as they were shown last (Record, JSON).
# NeedsCheck: it was not shown for this change, and is read again before anything is decided by it.
known_line = table(
    "device_association.known_line",
    key("IntentId", BIGINT),
    key("LineKey", ascii_text(64)),
    *flag("NeedsCheck"),
    required("Record", LONG_TEXT),
)


# Which SIM a line belongs to, from the moment we created or adopted it: one line never serves two SIMs.
rev_line_owner = table(
    "device_association.rev_line_owner",
    key("IntegrationAuthenticationId", INT),
    key("RevServiceId", INT),
    required("ICCID", text(50)),
    required("CreatedDate", INSTANT),
)


# The line that a person named as the SIM's of a row whose lines could not be told apart: the last naming, an earlier one is
# replaced. The next retry adopts it. Of two SIMs for which the same line was named it is the later one's.
named_line = table(
    "device_association.named_line",
    numbered(BIGINT),
    required("BulkChangeId", BIGINT),
    required("M2MDeviceChangeId", BIGINT),
    unique("M2MDeviceChangeId"),
    required("IntegrationAuthenticationId", INT),
    required("RevServiceId", INT),
    check("RevServiceId > 0"),
    required("ICCID", text(50)),
    required("Actor", text(100)),
    required("Reason", text(500)),
    required("CreatedDate", INSTANT),
    index("ix_named_line_line", "IntegrationAuthenticationId", "RevServiceId"),
)


# When an account's lines were last listed by Rev.io, and who is just listing them. LookedDate: what was created before it
# is known; NewestDate and NewestServiceId: the newest of these lines by Rev.io's own clock. ProvenDate: when the filters on
# numbers were last seen to work. IrregularLines: how many lines these filters would miss, however a SIM is spelled. A
# reconciliation that writes for the account holds this row, so that two of them go one after the other.
revio_snapshot = table(
    "device_association.revio_snapshot",
    key("IntegrationAuthenticationId", INT),
    optional("ListedDate", INSTANT),
    optional("LineCount", INT),
    required("IsWhole", SMALLINT, default="1"),
    check("IsWhole IN (0, 1)"),
    optional("LookedDate", INSTANT),
    optional("LookBegunDate", INSTANT),
    optional("NewestDate", INSTANT),
    optional("NewestServiceId", INT),
    optional("ProvenDate", INSTANT),
    optional("IrregularLines", INT),
    optional("IccidLengths", text(100)),
    optional("LeaseOwner", text(250)),
    optional("LeaseUntil", INSTANT),
    both_or_none("LeaseOwner", "LeaseUntil"),
    both_or_none("ListedDate", "LineCount"),
)


# The lines of an account as Rev.io showed them last. ListedDate: when that listing or look began; ShownDate: since when a
# line is known here as it is.
revio_snapshot_line = table(
    "device_association.revio_snapshot_line",
    key("IntegrationAuthenticationId", INT),
    key("RevServiceId", INT),
    optional("CustomerNumber", text(50)),
    optional("Number", text(255)),
    optional("Number2", text(255)),
    optional("CreatedDate", INSTANT),
    optional("DisconnectedDate", INSTANT),
    required("ListedDate", INSTANT),
    required("ShownDate", INSTANT),
    index("ix_revio_snapshot_line_shown", "IntegrationAuthenticationId", "ShownDate"),
)


# The numbers of these lines by which they are found, however they are spelled: see `Line.match_keys`.
revio_snapshot_line_key = table(
    "device_association.revio_snapshot_line_key",
    required("IntegrationAuthenticationId", INT),
    required("MatchKey", text(60)),
    required("RevServiceId", INT),
    primary_key("MatchKey", "IntegrationAuthenticationId", "RevServiceId"),
)


# Records of an account that Rev.io showed and that cannot be judged: no id, no customer, a number without its digits.
unjudged_line = table(
    "device_association.unjudged_line",
    key("IntegrationAuthenticationId", INT),
    key("LineKey", ascii_text(64)),
    required("Record", LONG_TEXT),
    optional("RevServiceId", INT),
    optional("CustomerNumber", text(50)),
    optional("DisconnectedDate", INSTANT),
    required("ListedDate", INSTANT),
)


# The numbers by which those records are found that the keys of the lines do not find: see `unjudged_keys`.
unjudged_line_key = table(
    "device_association.unjudged_line_key",
    required("IntegrationAuthenticationId", INT),
    required("MatchKey", text(60)),
    required("LineKey", ascii_text(64)),
    foreign_key(
        ["IntegrationAuthenticationId", "LineKey"],
        ["device_association.unjudged_line.IntegrationAuthenticationId", "device_association.unjudged_line.LineKey"],
        cascades=True,
    ),
    primary_key("MatchKey", "IntegrationAuthenticationId", "LineKey"),
)
