"""Our working tables about lines at Rev.io: those that we create or disconnect, and those that Rev.io has shown."""

from device_association.installation.migrations.initial import columns as c


def line_intent() -> None:
    c.create_table(
        "device_association.line_intent",
        c.numbered(c.BIGINT),
        c.required("IntegrationAuthenticationId", c.INT),
        c.required("ICCID", c.text(50)),
        c.optional("MSISDN", c.text(50)),
        c.required("DeviceId", c.INT),
        c.required("BulkChangeId", c.BIGINT),
        c.required("M2MDeviceChangeId", c.BIGINT),
        c.required("RevCustomerId", c.GUID),
        c.required("State", c.text(20)),
        c.one_of(
            "State", "PLANNED", "CALLING", "UNKNOWN", "CREATED", "ADOPTED", "ENDED", "KEPT", "REJECTED", "ABANDONED"
        ),
        c.optional("LeaseOwner", c.text(250)),
        c.optional("LeaseUntil", c.INSTANT),
        c.optional("UnknownSince", c.INSTANT),
        c.optional("LookedDate", c.INSTANT),
        c.optional("CalledDate", c.INSTANT),
        c.optional("CalledBody", c.LONG_TEXT),
        c.required("Calls", c.INT, default="0"),
        c.optional("RevServiceId", c.INT),
        c.optional("EndsRevServiceId", c.INT),
        c.optional("ReadyDate", c.INSTANT),
        c.optional("TriedAgainDate", c.INSTANT),
        c.optional("Detail", c.text(1000)),
        c.required("CreatedDate", c.INSTANT),
        c.required("ModifiedDate", c.INSTANT),
        c.check("ReadyDate IS NULL OR State IN ('CREATED', 'ADOPTED', 'ENDED', 'KEPT')"),
        c.exactly_when(
            "State = 'CALLING'", "LeaseUntil IS NOT NULL", unless="State <> 'CALLING'", without="LeaseUntil IS NULL"
        ),
        c.exactly_when(
            "State = 'UNKNOWN'", "UnknownSince IS NOT NULL", unless="State <> 'UNKNOWN'", without="UnknownSince IS NULL"
        ),
        c.exactly_when(
            "State IN ('CREATED', 'ADOPTED')",
            "RevServiceId IS NOT NULL",
            unless="State NOT IN ('CREATED', 'ADOPTED')",
            without="RevServiceId IS NULL",
        ),
        c.check("EndsRevServiceId IS NULL OR State NOT IN ('CREATED', 'ADOPTED')"),
        c.check("EndsRevServiceId IS NOT NULL OR State NOT IN ('ENDED', 'KEPT')"),
    )
    _index_line_intent()


def _index_line_intent() -> None:
    c.create_index(
        "ux_line_intent_open",
        "device_association.line_intent",
        "IntegrationAuthenticationId",
        "ICCID",
        is_unique=True,
        where="State IN ('PLANNED', 'CALLING', 'UNKNOWN')",
    )
    c.create_index("ix_line_intent_iccid", "device_association.line_intent", "ICCID", "State")
    c.create_index("ix_line_intent_row", "device_association.line_intent", "M2MDeviceChangeId")
    c.create_index("ix_line_intent_change", "device_association.line_intent", "BulkChangeId", "M2MDeviceChangeId")
    c.create_index(
        "ix_line_intent_ends", "device_association.line_intent", "EndsRevServiceId", "IntegrationAuthenticationId"
    )


def rev_product_step() -> None:
    c.create_table(
        "device_association.rev_product_step",
        c.key("IntentId", c.BIGINT, "device_association.line_intent.id"),
        c.key("ProductId", c.INT),
        c.key("EndsServiceProductId", c.INT, default="0"),
        c.check("EndsServiceProductId >= 0"),
        c.optional("Rate", c.amount()),
        c.required("State", c.text(20)),
        c.one_of("State", "PLANNED", "CALLING", "CREATED", "ADOPTED", "ENDED", "REJECTED"),
        c.optional("LeaseUntil", c.INSTANT),
        c.optional("ServiceProductId", c.INT),
        c.optional("Detail", c.text(1000)),
        c.required("ModifiedDate", c.INSTANT),
        c.exactly_when(
            "State = 'CALLING'", "LeaseUntil IS NOT NULL", unless="State <> 'CALLING'", without="LeaseUntil IS NULL"
        ),
        c.check("State NOT IN ('CREATED', 'ADOPTED', 'ENDED') OR ServiceProductId IS NOT NULL"),
    )


def known_line() -> None:
    c.create_table(
        "device_association.known_line",
        c.key("IntentId", c.BIGINT),
        c.key("LineKey", c.ascii_text(64)),
        *c.flag("NeedsCheck"),
        c.required("Record", c.LONG_TEXT),
    )


def rev_line_owner() -> None:
    c.create_table(
        "device_association.rev_line_owner",
        c.key("IntegrationAuthenticationId", c.INT),
        c.key("RevServiceId", c.INT),
        c.required("ICCID", c.text(50)),
        c.required("CreatedDate", c.INSTANT),
    )


def named_line() -> None:
    c.create_table(
        "device_association.named_line",
        c.numbered(c.BIGINT),
        c.required("BulkChangeId", c.BIGINT),
        c.required("M2MDeviceChangeId", c.BIGINT),
        c.unique("M2MDeviceChangeId"),
        c.required("IntegrationAuthenticationId", c.INT),
        c.required("RevServiceId", c.INT),
        c.check("RevServiceId > 0"),
        c.required("ICCID", c.text(50)),
        c.required("Actor", c.text(100)),
        c.required("Reason", c.text(500)),
        c.required("CreatedDate", c.INSTANT),
    )
    c.create_index("ix_named_line_line", "device_association.named_line", "IntegrationAuthenticationId", "RevServiceId")


def revio_snapshot() -> None:
    c.create_table(
        "device_association.revio_snapshot",
        c.key("IntegrationAuthenticationId", c.INT),
        c.optional("ListedDate", c.INSTANT),
        c.optional("LineCount", c.INT),
        c.required("IsWhole", c.SMALLINT, default="1"),
        c.check("IsWhole IN (0, 1)"),
        c.optional("LookedDate", c.INSTANT),
        c.optional("LookBegunDate", c.INSTANT),
        c.optional("NewestDate", c.INSTANT),
        c.optional("NewestServiceId", c.INT),
        c.optional("ProvenDate", c.INSTANT),
        c.optional("IrregularLines", c.INT),
        c.optional("IccidLengths", c.text(100)),
        c.optional("LeaseOwner", c.text(250)),
        c.optional("LeaseUntil", c.INSTANT),
        c.both_or_none("LeaseOwner", "LeaseUntil"),
        c.both_or_none("ListedDate", "LineCount"),
    )


def revio_snapshot_line() -> None:
    c.create_table(
        "device_association.revio_snapshot_line",
        c.key("IntegrationAuthenticationId", c.INT),
        c.key("RevServiceId", c.INT),
        c.optional("CustomerNumber", c.text(50)),
        c.optional("Number", c.text(255)),
        c.optional("Number2", c.text(255)),
        c.optional("CreatedDate", c.INSTANT),
        c.optional("DisconnectedDate", c.INSTANT),
        c.required("ListedDate", c.INSTANT),
        c.required("ShownDate", c.INSTANT),
    )
    c.create_index(
        "ix_revio_snapshot_line_shown",
        "device_association.revio_snapshot_line",
        "IntegrationAuthenticationId",
        "ShownDate",
    )


def revio_snapshot_line_key() -> None:
    c.create_table(
        "device_association.revio_snapshot_line_key",
        c.required("IntegrationAuthenticationId", c.INT),
        c.required("MatchKey", c.text(60)),
        c.required("RevServiceId", c.INT),
        c.primary_key("MatchKey", "IntegrationAuthenticationId", "RevServiceId"),
    )


def unjudged_line() -> None:
    c.create_table(
        "device_association.unjudged_line",
        c.key("IntegrationAuthenticationId", c.INT),
        c.key("LineKey", c.ascii_text(64)),
        c.required("Record", c.LONG_TEXT),
        c.optional("RevServiceId", c.INT),
        c.optional("CustomerNumber", c.text(50)),
        c.optional("DisconnectedDate", c.INSTANT),
        c.required("ListedDate", c.INSTANT),
    )


def unjudged_line_key() -> None:
    c.create_table(
        "device_association.unjudged_line_key",
        c.required("IntegrationAuthenticationId", c.INT),
        c.required("MatchKey", c.text(60)),
        c.required("LineKey", c.ascii_text(64)),
        c.foreign_key(
            ["IntegrationAuthenticationId", "LineKey"],
            [
                "device_association.unjudged_line.IntegrationAuthenticationId",
                "device_association.unjudged_line.LineKey",
            ],
            cascades=True,
        ),
        c.primary_key("MatchKey", "IntegrationAuthenticationId", "LineKey"),
    )


TABLES = (
    line_intent,
    rev_product_step,
    known_line,
    rev_line_owner,
    named_line,
    revio_snapshot,
    revio_snapshot_line,
    revio_snapshot_line_key,
    unjudged_line,
    unjudged_line_key,
)
