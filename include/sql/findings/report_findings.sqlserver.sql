-- Keeps findings: a new one is written, a known one is seen again and open again.
-- Safe to run twice: one row a kind and subject.
DECLARE @found TABLE (
    kind nvarchar(50) NOT NULL,
    subject nvarchar(200) NOT NULL,
    account_id int NULL,
    tenant_id int NULL,
    bulk_change_id bigint NULL,
    iccid nvarchar(50) NULL,
    service_id int NULL,
    detail nvarchar(1000) NOT NULL,
    is_repaired bit NOT NULL
);
INSERT INTO @found (kind, subject, account_id, tenant_id, bulk_change_id, iccid, service_id, detail, is_repaired)
SELECT f.kind, f.subject, f.account_id, f.tenant_id, f.bulk_change_id, f.iccid, f.service_id, f.detail, f.is_repaired
FROM
    OPENJSON (:findings)
    WITH (
        kind nvarchar(50) '$.kind',
        subject nvarchar(200) '$.subject',
        account_id int '$.account_id',
        tenant_id int '$.tenant_id',
        bulk_change_id bigint '$.bulk_change_id',
        iccid nvarchar(50) '$.iccid',
        service_id int '$.service_id',
        detail nvarchar(1000) '$.detail',
        is_repaired bit '$.is_repaired'
    ) AS f;
UPDATE device_association.finding
SET
    Detail = f.detail, IsRepaired = f.is_repaired, SeenDate = :now,
    ClosedDate = CASE WHEN f.is_repaired = 1 THEN CAST(:now AS datetime2(3)) END
FROM @found AS f
WHERE device_association.finding.Kind = f.kind AND device_association.finding.Subject = f.subject;
INSERT INTO device_association.finding (
    Kind, Subject, IntegrationAuthenticationId, TenantId, BulkChangeId, ICCID, RevServiceId, Detail, IsRepaired,
    FoundDate, SeenDate, ClosedDate
)
SELECT
    f.kind, f.subject, f.account_id, f.tenant_id, f.bulk_change_id, f.iccid, f.service_id, f.detail, f.is_repaired,
    :now, :now, CASE WHEN f.is_repaired = 1 THEN CAST(:now AS datetime2(3)) END
FROM @found AS f
WHERE
    NOT EXISTS (
        SELECT 1 FROM device_association.finding AS k WITH (UPDLOCK, HOLDLOCK)
        WHERE k.Kind = f.kind AND k.Subject = f.subject
    );
