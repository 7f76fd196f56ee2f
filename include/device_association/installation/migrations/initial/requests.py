"""Our working tables about what is asked for: terms, devices, keys, approvals, scheduled plans, messages."""

from device_association.installation.migrations.initial import columns as c


def request_terms() -> None:
    c.create_table(
        "device_association.request_terms",
        c.numbered(c.BIGINT),
        c.required("BulkChangeId", c.BIGINT),
        c.required("TermsHash", c.HASH),
        c.required("RevCustomerId", c.GUID),
        *c.flag("CreateRevService"),
        c.optional("ServiceTypeId", c.INT),
        c.optional("ProviderId", c.INT),
        c.optional("UsagePlanGroupId", c.INT),
        c.optional("RevPackageId", c.INT),
        c.required("RevProductIdList", c.LONG_TEXT),
        c.required("RateList", c.LONG_TEXT),
        *c.flag("Prorate"),
        c.optional("Description", c.text(1000)),
        *c.flag("AddCarrierRatePlan"),
        c.optional("CarrierRatePlan", c.text(50)),
        c.optional("CommPlan", c.text(100)),
        *c.flag("AddCustomerRatePlan"),
        c.optional("CustomerRatePlanId", c.INT),
        c.optional("CustomerRatePoolId", c.INT),
        c.optional("CustomerDataAllocationMB", c.amount()),
        c.unique("BulkChangeId", "TermsHash"),
    )


def requested_device() -> None:
    c.create_table(
        "device_association.requested_device",
        c.key("M2MDeviceChangeId", c.BIGINT),
        c.required("BulkChangeId", c.BIGINT),
        c.required("TermsId", c.BIGINT),
        c.optional("EffectiveDate", c.INSTANT),
        c.optional("ActivatedDate", c.INSTANT),
    )
    c.create_index(
        "ix_requested_device_change", "device_association.requested_device", "BulkChangeId", "M2MDeviceChangeId"
    )


def request_key() -> None:
    c.create_table(
        "device_association.request_key",
        c.key("UserId", c.INT),
        c.key("KeyHash", c.HASH),
        c.required("BodyHash", c.HASH),
        c.optional("BulkChangeId", c.BIGINT),
        c.optional("Accepted", c.INT),
        c.optional("Rejected", c.INT),
        c.required("CreatedDate", c.INSTANT),
    )


def approval_rule() -> None:
    c.create_table(
        "device_association.approval_rule",
        c.key("TenantId", c.INT),
        c.optional("MostDevices", c.INT),
        c.check("MostDevices > 0"),
        c.optional("MostRejectedPercent", c.INT),
        c.check("MostRejectedPercent BETWEEN 1 AND 100"),
        *c.flag("FirstUse"),
        c.required("ModifiedBy", c.text(100)),
        c.required("ModifiedDate", c.INSTANT),
    )


def approval() -> None:
    c.create_table(
        "device_association.approval",
        c.key("BulkChangeId", c.BIGINT),
        c.required("Why", c.text(500)),
        c.required("AskedBy", c.text(100)),
        c.required("AskedDate", c.INSTANT),
        c.required("ExpiresDate", c.INSTANT),
        c.optional("RunId", c.text(250)),
        c.optional("Answer", c.ascii_text(20)),
        c.one_of("Answer", "APPROVED", "REFUSED", "EXPIRED", "CANCELED"),
        c.optional("AnsweredBy", c.text(100)),
        c.optional("AnsweredDate", c.INSTANT),
        c.check("(Answer IS NULL) = (AnsweredDate IS NULL)", only=c.POSTGRESQL),
        c.check("(Answer IS NULL) = (AnsweredBy IS NULL)", only=c.POSTGRESQL),
        c.check(
            "(Answer IS NULL AND AnsweredDate IS NULL AND AnsweredBy IS NULL) "
            "OR (Answer IS NOT NULL AND AnsweredDate IS NOT NULL AND AnsweredBy IS NOT NULL)",
            only=c.SQL_SERVER,
        ),
    )
    c.create_index("ix_approval_open", "device_association.approval", "Answer", "ExpiresDate")


def plan_outcome() -> None:
    c.create_table(
        "device_association.plan_outcome",
        c.key("QueueId", c.BIGINT),
        c.required("DeviceId", c.INT),
        c.required("TenantId", c.INT),
        c.optional("BulkChangeId", c.BIGINT),
        c.optional("M2MDeviceChangeId", c.BIGINT),
        c.required("BatchId", c.GUID),
        c.required("Outcome", c.text(50)),
        c.one_of(
            "Outcome", "APPLIED", "CUSTOMER_CHANGED", "DEVICE_ARCHIVED", "PLAN_NOT_FOUND", "SUPERSEDED", "REVERTED"
        ),
        c.optional("Detail", c.text(1000)),
        c.required("DecidedDate", c.INSTANT),
        c.exactly_when(
            "Outcome = 'APPLIED'", "Detail IS NULL", unless="Outcome <> 'APPLIED'", without="Detail IS NOT NULL"
        ),
    )
    c.create_index("ix_plan_outcome_batch", "device_association.plan_outcome", "BatchId")
    c.create_index("ix_plan_outcome_change", "device_association.plan_outcome", "BulkChangeId")


def outbox() -> None:
    c.create_table(
        "device_association.outbox",
        c.numbered(c.BIGINT),
        c.required("Kind", c.text(20)),
        c.one_of("Kind", "MESSAGE", "NOTIFICATION"),
        c.required("BulkChangeId", c.BIGINT),
        c.required("RetryNumber", c.INT),
        c.required("Payload", c.LONG_TEXT),
        c.required("CreatedDate", c.INSTANT),
        c.optional("SentDate", c.INSTANT),
        c.required("Attempts", c.INT, default="0"),
        c.optional("LastError", c.text(1000)),
        c.unique("Kind", "BulkChangeId", "RetryNumber"),
    )
    c.create_index("ix_outbox_unsent", "device_association.outbox", "SentDate", "CreatedDate")


TABLES = (
    request_terms,
    requested_device,
    request_key,
    approval_rule,
    approval,
    plan_outcome,
    outbox,
)
