"""Our working tables about the work on a bulk change: claims, holds, stops, steps, results, slices, reverts."""

from __future__ import annotations

from device_association.database.dialects import POSTGRESQL, SQL_SERVER
from device_association.database.tables.columns import (
    BIGINT,
    INSTANT,
    INT,
    LONG_TEXT,
    both_or_none,
    check,
    index,
    key,
    one_of,
    optional,
    required,
    table,
    text,
    unique,
)

# One row per bulk change that we have seen: who works on it, for which retry, on whose behalf. The deadline counts from
# the plan of its calls; it moves by what its account was paused since PausedSeconds was noted.
change_state = table(
    "device_association.change_state",
    key("BulkChangeId", BIGINT),
    required("RetryNumber", INT, default="0"),
    check("RetryNumber >= 0"),
    optional("ClaimRunId", text(250)),
    optional("ClaimedDate", INSTANT),
    optional("RunKey", text(250)),
    unique("RunKey", only=POSTGRESQL),
    required("Actor", text(100)),
    optional("Reason", text(500)),
    optional("DeadlineDate", INSTANT),
    optional("ConnectionId", text(250)),
    optional("PausedSeconds", INT),
    optional("AbortPercent", INT),
    check("AbortPercent BETWEEN 1 AND 100"),
    optional("AbortSample", INT),
    check("AbortSample > 0"),
    required("CreatedDate", INSTANT),
    both_or_none("ClaimRunId", "ClaimedDate"),
    # A plain unique key would take two nulls as equal.
    index("ux_change_state_run_key", "RunKey", is_unique=True, where="RunKey IS NOT NULL", only=SQL_SERVER),
)


# Who holds a device: at most one operation in a tenant. A transaction that sets scheduled plans holds its devices under
# numbers below 0, and gives them back before it ends.
device_lock = table(
    "device_association.device_lock",
    key("TenantId", INT),
    key("DeviceId", INT),
    required("BulkChangeId", BIGINT),
    required("M2MDeviceChangeId", BIGINT),
    unique("M2MDeviceChangeId"),
    required("CreatedDate", INSTANT),
    index("ix_device_lock_change", "BulkChangeId", "M2MDeviceChangeId"),
)


# Why no further device of a change is begun: the first stop of a retry wins.
change_stop = table(
    "device_association.change_stop",
    key("BulkChangeId", BIGINT),
    key("RetryNumber", INT),
    required("Code", text(50)),
    one_of("Code", "CANCELED_BY_USER", "STOPPED", "REV_UNAUTHORIZED", "APPROVAL_REFUSED", "APPROVAL_EXPIRED"),
    required("Actor", text(100)),
    required("Reason", text(500)),
    required("CreatedDate", INSTANT),
)


# Which steps a change has had in a retry, how long each took and what it counted.
change_step = table(
    "device_association.change_step",
    key("BulkChangeId", BIGINT),
    key("RetryNumber", INT),
    key("Step", text(100)),
    required("StartedDate", INSTANT),
    required("EndedDate", INSTANT),
    required("Counts", LONG_TEXT),
    check("EndedDate >= StartedDate"),
)


# How a retry of a change ended. The counts add up.
change_result = table(
    "device_association.change_result",
    key("BulkChangeId", BIGINT),
    key("RetryNumber", INT),
    required("Status", text(50)),
    required("Devices", INT),
    required("Processed", INT),
    required("Errors", INT),
    required("ApiFailed", INT),
    required("Canceled", INT),
    required("CreatedDate", INSTANT),
    check("Devices = Processed + Errors + ApiFailed + Canceled"),
    index("ix_change_result_date", "CreatedDate"),
)


# The devices of one mapped task: a range of row ids, decided once per change and retry.
rev_service_slice = table(
    "device_association.rev_service_slice",
    key("BulkChangeId", BIGINT),
    key("RetryNumber", INT),
    key("SliceNumber", INT),
    check("SliceNumber >= 0"),
    required("FirstRowId", BIGINT),
    required("LastRowId", BIGINT),
    required("Devices", INT),
    check("Devices > 0"),
    check("LastRowId >= FirstRowId"),
)


# Which change takes back which: a change is taken back once.
reversal = table(
    "device_association.reversal",
    key("BulkChangeId", BIGINT),
    required("RevertedChangeId", BIGINT),
    unique("RevertedChangeId"),
    required("CreatedDate", INSTANT),
    check("BulkChangeId <> RevertedChangeId"),
)


# Which row of the first change a row takes back, and the intent of the line that is to be ended for it, or of which products
# are: one that the first change created. None: nothing of it is at Rev.io.
reverted_device = table(
    "device_association.reverted_device",
    key("M2MDeviceChangeId", BIGINT),
    required("BulkChangeId", BIGINT),
    required("RevertedRowId", BIGINT),
    unique("RevertedRowId"),
    optional("LineIntentId", BIGINT),
    index("ix_reverted_device_change", "BulkChangeId", "M2MDeviceChangeId"),
)
