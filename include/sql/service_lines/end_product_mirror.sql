-- Says in the mirror that a product of a line was ended.
-- Safe to run twice: it says the same.
UPDATE dbo.RevServiceProduct SET Status = 'DISCONNECTED', ModifiedBy = :actor, ModifiedDate = :now
WHERE
    ServiceProductId = :service_product_id AND IntegrationAuthenticationId = :account_id AND Status <> 'DISCONNECTED'
