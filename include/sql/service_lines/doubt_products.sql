-- Leases the product calls of a line anew whose outcome is not known: Rev.io could not be asked, and what it still has to do
-- may become a product.
-- Safe to run twice: only calls whose lease has run out are touched.
UPDATE device_association.rev_product_step SET LeaseUntil = :lease_until, ModifiedDate = :now
WHERE IntentId = :intent_id AND State = 'CALLING' AND LeaseUntil <= :now
