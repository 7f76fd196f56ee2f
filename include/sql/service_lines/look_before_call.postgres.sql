-- What time it is at the database, and whether a change's retry was stopped: asked right before a call is sent.
-- Safe to run twice: reads only.
SELECT
    CLOCK_TIMESTAMP() AS now,
    CASE
        WHEN
            EXISTS (
                SELECT 1 FROM device_association.change_stop AS x
                WHERE x.BulkChangeId = :bulk_change_id AND x.RetryNumber = :retry_number
            )
            THEN 1
        ELSE 0
    END AS is_stopped
