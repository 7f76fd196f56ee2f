-- Keeps what a change asks for its devices.
-- Safe to run twice: the same terms of the same change are kept once; of two writers the key refuses one, who then finds it.
INSERT INTO device_association.request_terms (
    BulkChangeId, TermsHash, RevCustomerId, CreateRevService, ServiceTypeId, ProviderId, UsagePlanGroupId, RevPackageId,
    RevProductIdList, RateList, Prorate, Description, AddCarrierRatePlan, CarrierRatePlan, CommPlan,
    AddCustomerRatePlan, CustomerRatePlanId, CustomerRatePoolId, CustomerDataAllocationMB
)
SELECT
    :bulk_change_id, :terms_hash, :rev_customer_id, :create_rev_service, :service_type_id, :provider_id,
    :usage_plan_group_id, :rev_package_id, :rev_product_id_list, :rate_list, :prorate, :description,
    :add_carrier_rate_plan, :carrier_rate_plan, :comm_plan, :add_customer_rate_plan, :customer_rate_plan_id,
    :customer_rate_pool_id, :customer_data_allocation_mb
WHERE
    NOT EXISTS (
        SELECT 1 FROM device_association.request_terms AS t
        WHERE t.BulkChangeId = :bulk_change_id AND t.TermsHash = :terms_hash
    )
