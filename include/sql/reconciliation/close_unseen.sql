-- Closes what was reported of an account and is not there any more. What somebody is at work on stays as it is.
-- Safe to run twice: only open findings that this run did not see are touched.
UPDATE device_association.finding
SET ClosedDate = :now
WHERE
    ClosedDate IS NULL
    AND IntegrationAuthenticationId = :account_id
    AND SeenDate < :now
    AND Kind IN (
        'TWO_ACTIVE_LINES', 'LINE_WITHOUT_DEVICE', 'LINE_OF_WRONG_CUSTOMER', 'LINE_OF_ARCHIVED_DEVICE',
        'LINE_OF_UNASSIGNED_DEVICE', 'LINE_OF_UNKNOWN_CUSTOMER', 'LINE_NOT_LISTED', 'LINE_NOT_READABLE',
        'DEVICE_WITHOUT_LINE', 'PRODUCT_MISSING'
    )
    AND (
        ICCID IS NULL
        OR NOT EXISTS (SELECT 1 FROM device_association.sim_at_work AS o WHERE o.Number = ICCID)
    )
