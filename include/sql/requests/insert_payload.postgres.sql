-- Writes what all rows of a revert ask for, and returns its id.
-- A second run writes a second payload: it runs in the transaction that writes the rows, which are there once.
INSERT INTO dbo.DeviceChangeRequest (ChangeRequest, CreatedBy, CreatedDate, IsActive, IsDeleted)
VALUES (:payload, :actor, :now, 1, 0)
RETURNING id
