-- What each device that a revert takes back had before the first change, of the fields that this changed: a row a device.
-- Alembic runs this once.
CREATE VIEW device_association.former_device AS
SELECT
    f.BulkChangeId,
    f.M2MDeviceChangeId,
    MIN(f.FirstDate) AS FirstDate,
    MAX(CASE WHEN f.ChangedField = 'SiteId' THEN 1 ELSE 0 END) AS HasSite,
    MAX(CASE WHEN f.ChangedField = 'SiteId' THEN f.FormerValue END) AS FormerSite,
    MAX(CASE WHEN f.ChangedField = 'AccountNumber' THEN 1 ELSE 0 END) AS HasNumber,
    MAX(CASE WHEN f.ChangedField = 'AccountNumber' THEN f.FormerValue END) AS FormerNumber,
    MAX(CASE WHEN f.ChangedField = 'AccountNumberIntegrationAuthenticationId' THEN 1 ELSE 0 END) AS HasAccount,
    MAX(CASE WHEN f.ChangedField = 'AccountNumberIntegrationAuthenticationId' THEN f.FormerValue END) AS FormerAccount,
    MAX(CASE WHEN f.ChangedField = 'RevServiceId' THEN 1 ELSE 0 END) AS HasLine,
    MAX(CASE WHEN f.ChangedField = 'RevServiceId' THEN f.FormerValue END) AS FormerLine,
    MAX(CASE WHEN f.ChangedField = 'CustomerRatePlanId' THEN 1 ELSE 0 END) AS HasPlan,
    MAX(CASE WHEN f.ChangedField = 'CustomerRatePlanId' THEN f.FormerValue END) AS FormerPlan,
    MAX(CASE WHEN f.ChangedField = 'CustomerRatePoolId' THEN 1 ELSE 0 END) AS HasPool,
    MAX(CASE WHEN f.ChangedField = 'CustomerRatePoolId' THEN f.FormerValue END) AS FormerPool,
    MAX(CASE WHEN f.ChangedField = 'CustomerDataAllocationMB' THEN 1 ELSE 0 END) AS HasAllocation,
    MAX(CASE WHEN f.ChangedField = 'CustomerDataAllocationMB' THEN f.FormerValue END) AS FormerAllocation,
    MAX(CASE WHEN f.ChangedField = 'IsActive' THEN 1 ELSE 0 END) AS HasActive,
    MAX(CASE WHEN f.ChangedField = 'IsActive' THEN f.FormerValue END) AS FormerActive,
    MAX(CASE WHEN f.ChangedField = 'IsDeleted' THEN 1 ELSE 0 END) AS HasDeleted,
    MAX(CASE WHEN f.ChangedField = 'IsDeleted' THEN f.FormerValue END) AS FormerDeleted,
    MAX(CASE WHEN f.ChangedField = 'CarrierRatePlanId' THEN 1 ELSE 0 END) AS HasCarrier,
    MAX(CASE WHEN f.ChangedField = 'CarrierRatePlanId' THEN f.FormerValue END) AS FormerCarrier,
    MAX(CASE WHEN f.ChangedField = 'CommPlan' THEN 1 ELSE 0 END) AS HasComm,
    MAX(CASE WHEN f.ChangedField = 'CommPlan' THEN f.FormerValue END) AS FormerComm
FROM device_association.reverted_field AS f
GROUP BY f.BulkChangeId, f.M2MDeviceChangeId;
