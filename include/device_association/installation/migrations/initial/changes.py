"""Our working tables about the work on a bulk change: claims, holds, stops, steps, results, slices, reverts."""

from device_association.installation.migrations.initial import columns as c


def change_state() -> None:
    c.create_table(
        "device_association.change_state",
        c.key("BulkChangeId", c.BIGINT),
        c.required("RetryNumber", c.INT, default="0"),
        c.check("RetryNumber >= 0"),
        c.optional("ClaimRunId", c.text(250)),
        c.optional("ClaimedDate", c.INSTANT),
        c.optional("RunKey", c.text(250)),
        c.unique("RunKey", only=c.POSTGRESQL),
        c.required("Actor", c.text(100)),
        c.optional("Reason", c.text(500)),
        c.optional("DeadlineDate", c.INSTANT),
        c.optional("ConnectionId", c.text(250)),
        c.optional("PausedSeconds", c.INT),
        c.optional("AbortPercent", c.INT),
        c.check("AbortPercent BETWEEN 1 AND 100"),
        c.optional("AbortSample", c.INT),
        c.check("AbortSample > 0"),
        c.required("CreatedDate", c.INSTANT),
        c.both_or_none("ClaimRunId", "ClaimedDate"),
    )
    c.create_index(
        "ux_change_state_run_key",
        "device_association.change_state",
        "RunKey",
        is_unique=True,
        where="RunKey IS NOT NULL",
        only=c.SQL_SERVER,
    )


def device_lock() -> None:
    c.create_table(
        "device_association.device_lock",
        c.key("TenantId", c.INT),
        c.key("DeviceId", c.INT),
        c.required("BulkChangeId", c.BIGINT),
        c.required("M2MDeviceChangeId", c.BIGINT),
        c.unique("M2MDeviceChangeId"),
        c.required("CreatedDate", c.INSTANT),
    )
    c.create_index("ix_device_lock_change", "device_association.device_lock", "BulkChangeId", "M2MDeviceChangeId")


def change_stop() -> None:
    c.create_table(
        "device_association.change_stop",
        c.key("BulkChangeId", c.BIGINT),
        c.key("RetryNumber", c.INT),
        c.required("Code", c.text(50)),
        c.one_of("Code", "CANCELED_BY_USER", "STOPPED", "REV_UNAUTHORIZED", "APPROVAL_REFUSED", "APPROVAL_EXPIRED"),
        c.required("Actor", c.text(100)),
        c.required("Reason", c.text(500)),
        c.required("CreatedDate", c.INSTANT),
    )


def change_step() -> None:
    c.create_table(
        "device_association.change_step",
        c.key("BulkChangeId", c.BIGINT),
        c.key("RetryNumber", c.INT),
        c.key("Step", c.text(100)),
        c.required("StartedDate", c.INSTANT),
        c.required("EndedDate", c.INSTANT),
        c.required("Counts", c.LONG_TEXT),
        c.check("EndedDate >= StartedDate"),
    )


def change_result() -> None:
    c.create_table(
        "device_association.change_result",
        c.key("BulkChangeId", c.BIGINT),
        c.key("RetryNumber", c.INT),
        c.required("Status", c.text(50)),
        c.required("Devices", c.INT),
        c.required("Processed", c.INT),
        c.required("Errors", c.INT),
        c.required("ApiFailed", c.INT),
        c.required("Canceled", c.INT),
        c.required("CreatedDate", c.INSTANT),
        c.check("Devices = Processed + Errors + ApiFailed + Canceled"),
    )
    c.create_index("ix_change_result_date", "device_association.change_result", "CreatedDate")


def rev_service_slice() -> None:
    c.create_table(
        "device_association.rev_service_slice",
        c.key("BulkChangeId", c.BIGINT),
        c.key("RetryNumber", c.INT),
        c.key("SliceNumber", c.INT),
        c.check("SliceNumber >= 0"),
        c.required("FirstRowId", c.BIGINT),
        c.required("LastRowId", c.BIGINT),
        c.required("Devices", c.INT),
        c.check("Devices > 0"),
        c.check("LastRowId >= FirstRowId"),
    )


def reversal() -> None:
    c.create_table(
        "device_association.reversal",
        c.key("BulkChangeId", c.BIGINT),
        c.required("RevertedChangeId", c.BIGINT),
        c.unique("RevertedChangeId"),
        c.required("CreatedDate", c.INSTANT),
        c.check("BulkChangeId <> RevertedChangeId"),
    )


def reverted_device() -> None:
    c.create_table(
        "device_association.reverted_device",
        c.key("M2MDeviceChangeId", c.BIGINT),
        c.required("BulkChangeId", c.BIGINT),
        c.required("RevertedRowId", c.BIGINT),
        c.unique("RevertedRowId"),
        c.optional("LineIntentId", c.BIGINT),
    )
    c.create_index(
        "ix_reverted_device_change", "device_association.reverted_device", "BulkChangeId", "M2MDeviceChangeId"
    )


TABLES = (
    change_state,
    device_lock,
    change_stop,
    change_step,
    change_result,
    rev_service_slice,
    reversal,
    reverted_device,
)
