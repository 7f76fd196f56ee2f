-- Forgets what Rev.io showed of one SIM, before it is looked at again.
-- Safe to run twice: nothing is left to forget.
DELETE FROM device_association.known_line WHERE IntentId = :intent_id
