-- Keeps for a revert whose devices these are: the first change's terms, of which nothing is asked for any more.
-- A second run fails on the unique key (BulkChangeId, TermsHash), and with it the whole transaction.
INSERT INTO device_association.request_terms (
    BulkChangeId, TermsHash, RevCustomerId, CreateRevService, ServiceTypeId, ProviderId, UsagePlanGroupId, RevPackageId,
    RevProductIdList, RateList, Prorate, Description, AddCarrierRatePlan, CarrierRatePlan, CommPlan,
    AddCustomerRatePlan, CustomerRatePlanId, CustomerRatePoolId, CustomerDataAllocationMB
)
SELECT
    :bulk_change_id, t.TermsHash, t.RevCustomerId, 0, t.ServiceTypeId, t.ProviderId, t.UsagePlanGroupId, t.RevPackageId,
    '[]', '[]', t.Prorate, t.Description, 0, NULL, NULL, 0, NULL, NULL, NULL
FROM device_association.request_terms AS t
WHERE t.BulkChangeId = :reverted_change_id
