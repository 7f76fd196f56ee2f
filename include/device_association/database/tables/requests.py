"""Our working tables about what is asked for: terms, devices, keys, approvals, scheduled plans, messages."""

from __future__ import annotations

from device_association.database.dialects import POSTGRESQL, SQL_SERVER
from device_association.database.tables.columns import (
    BIGINT,
    GUID,
    HASH,
    INSTANT,
    INT,
    LONG_TEXT,
    amount,
    ascii_text,
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

# What a change asks for every device of it. A change that the portal wrote may hold several; the data checks refuse that.
request_terms = table(
    "device_association.request_terms",
    numbered(BIGINT),
    required("BulkChangeId", BIGINT),
    required("TermsHash", HASH),
    required("RevCustomerId", GUID),
    *flag("CreateRevService"),
    optional("ServiceTypeId", INT),
    optional("ProviderId", INT),
    optional("UsagePlanGroupId", INT),
    optional("RevPackageId", INT),
    required("RevProductIdList", LONG_TEXT),
    required("RateList", LONG_TEXT),
    *flag("Prorate"),
    optional("Description", text(1000)),
    *flag("AddCarrierRatePlan"),
    optional("CarrierRatePlan", text(50)),
    optional("CommPlan", text(100)),
    *flag("AddCustomerRatePlan"),
    optional("CustomerRatePlanId", INT),
    optional("CustomerRatePoolId", INT),
    optional("CustomerDataAllocationMB", amount()),
    unique("BulkChangeId", "TermsHash"),
)


# A device's own part of the request. EffectiveDate null: the device's activation date, else now.
requested_device = table(
    "device_association.requested_device",
    key("M2MDeviceChangeId", BIGINT),
    required("BulkChangeId", BIGINT),
    required("TermsId", BIGINT),
    optional("EffectiveDate", INSTANT),
    optional("ActivatedDate", INSTANT),
    index("ix_requested_device_change", "BulkChangeId", "M2MDeviceChangeId"),
)


# Requests that came with a key: the same key gives the same answer for a day. Hashes compare alike on both databases.
request_key = table(
    "device_association.request_key",
    key("UserId", INT),
    key("KeyHash", HASH),
    required("BodyHash", HASH),
    optional("BulkChangeId", BIGINT),
    optional("Accepted", INT),
    optional("Rejected", INT),
    required("CreatedDate", INSTANT),
)


# When a change of a tenant has to be approved by a second person before it starts; a threshold that is null asks nobody.
approval_rule = table(
    "device_association.approval_rule",
    key("TenantId", INT),
    optional("MostDevices", INT),
    check("MostDevices > 0"),
    optional("MostRejectedPercent", INT),
    check("MostRejectedPercent BETWEEN 1 AND 100"),
    *flag("FirstUse"),
    required("ModifiedBy", text(100)),
    required("ModifiedDate", INSTANT),
)


# Why a change waits for approval, the Airflow run that asks a person, and the first answer, which counts.
approval = table(
    "device_association.approval",
    key("BulkChangeId", BIGINT),
    required("Why", text(500)),
    required("AskedBy", text(100)),
    required("AskedDate", INSTANT),
    required("ExpiresDate", INSTANT),
    optional("RunId", text(250)),
    optional("Answer", ascii_text(20)),
    one_of("Answer", "APPROVED", "REFUSED", "EXPIRED", "CANCELED"),
    optional("AnsweredBy", text(100)),
    optional("AnsweredDate", INSTANT),
    check("(Answer IS NULL) = (AnsweredDate IS NULL)", only=POSTGRESQL),
    check("(Answer IS NULL) = (AnsweredBy IS NULL)", only=POSTGRESQL),
    check(
        "(Answer IS NULL AND AnsweredDate IS NULL AND AnsweredBy IS NULL) "
        "OR (Answer IS NOT NULL AND AnsweredDate IS NOT NULL AND AnsweredBy IS NOT NULL)",
        only=SQL_SERVER,
    ),
    index("ix_approval_open", "Answer", "ExpiresDate"),
)


# What became of each scheduled rate plan that was done, one row for a row of the portal's queue. Rows of one batch were
# decided in one transaction.
plan_outcome = table(
    "device_association.plan_outcome",
    key("QueueId", BIGINT),
    required("DeviceId", INT),
    required("TenantId", INT),
    optional("BulkChangeId", BIGINT),
    optional("M2MDeviceChangeId", BIGINT),
    required("BatchId", GUID),
    required("Outcome", text(50)),
    one_of("Outcome", "APPLIED", "CUSTOMER_CHANGED", "DEVICE_ARCHIVED", "PLAN_NOT_FOUND", "SUPERSEDED", "REVERTED"),
    optional("Detail", text(1000)),
    required("DecidedDate", INSTANT),
    exactly_when("Outcome = 'APPLIED'", "Detail IS NULL", unless="Outcome <> 'APPLIED'", without="Detail IS NOT NULL"),
    index("ix_plan_outcome_batch", "BatchId"),
    index("ix_plan_outcome_change", "BulkChangeId"),
)


# Messages and notifications that are owed, written in the transaction that owes them.
outbox = table(
    "device_association.outbox",
    numbered(BIGINT),
    required("Kind", text(20)),
    one_of("Kind", "MESSAGE", "NOTIFICATION"),
    required("BulkChangeId", BIGINT),
    required("RetryNumber", INT),
    required("Payload", LONG_TEXT),
    required("CreatedDate", INSTANT),
    optional("SentDate", INSTANT),
    required("Attempts", INT, default="0"),
    optional("LastError", text(1000)),
    unique("Kind", "BulkChangeId", "RetryNumber"),
    index("ix_outbox_unsent", "SentDate", "CreatedDate"),
)
