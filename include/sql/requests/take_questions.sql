-- Lets one Airflow run ask about every change that none asks about yet, up to an id.
-- Safe to run twice: what a run has is not taken again.
UPDATE device_association.approval
SET RunId = :run_id
WHERE RunId IS NULL AND Answer IS NULL AND BulkChangeId <= :last_id
