-- Writes what all rows of a revert ask for, and returns its id.
-- A second run writes a second payload: it runs in the transaction that writes the rows, which are there once.
DECLARE @inserted TABLE (id bigint NOT NULL);
INSERT INTO dbo.DeviceChangeRequest (ChangeRequest, CreatedBy, CreatedDate, IsActive, IsDeleted)
OUTPUT INSERTED.id INTO @inserted
VALUES (:payload, :actor, :now, 1, 0);
SELECT i.id FROM @inserted AS i;
