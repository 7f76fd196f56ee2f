-- Records that a SIM's line and all its products are there: its row may be associated.
-- Safe to run twice: the first time stays.
UPDATE device_association.line_intent SET ReadyDate = :now, ModifiedDate = :now
WHERE id = :intent_id AND State IN ('CREATED', 'ADOPTED') AND ReadyDate IS NULL
