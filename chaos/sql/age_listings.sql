-- Makes every listing of an account's lines a day older: a change lists an account, too, and then it is not listed again that day.
UPDATE device_association.revio_snapshot
SET ListedDate = ListedDate - INTERVAL '1 day'
