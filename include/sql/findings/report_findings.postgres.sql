-- Keeps findings: a new one is written, a known one is seen again and open again.
-- Safe to run twice: one row a kind and subject.
INSERT INTO device_association.finding (
    Kind, Subject, IntegrationAuthenticationId, TenantId, BulkChangeId, ICCID, RevServiceId, Detail, IsRepaired,
    FoundDate, SeenDate, ClosedDate
)
SELECT
    f.kind, f.subject, f.account_id, f.tenant_id, f.bulk_change_id, f.iccid, f.service_id, f.detail, f.is_repaired,
    :now, :now, CASE WHEN f.is_repaired = 1 THEN CAST(:now AS timestamptz) END
FROM
    JSONB_TO_RECORDSET(CAST(:findings AS jsonb))
        AS f (
            kind text, subject text, account_id int, tenant_id int, bulk_change_id bigint, iccid text, service_id int,
            detail text, is_repaired smallint
        )
ON CONFLICT (Kind, Subject) DO UPDATE
    SET
        Detail = EXCLUDED.Detail, IsRepaired = EXCLUDED.IsRepaired, SeenDate = EXCLUDED.SeenDate,
        ClosedDate = EXCLUDED.ClosedDate
