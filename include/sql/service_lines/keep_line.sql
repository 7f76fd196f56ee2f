-- Leaves a line at Rev.io that was to be ended: it was adopted, or is not known to be the SIM's any more.
-- Safe to run twice: only an intent that is planned or whose outcome is unknown is touched.
UPDATE device_association.line_intent
SET State = 'KEPT', UnknownSince = NULL, Detail = :detail, ReadyDate = :now, ModifiedDate = :now
WHERE id = :intent_id AND EndsRevServiceId IS NOT NULL AND State IN ('PLANNED', 'UNKNOWN')
