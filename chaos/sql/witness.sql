-- Notes every change of a watched column by itself, whoever makes it: the product's own history is compared with this.
-- Chaos runs this once, on a database of its own.
CREATE SCHEMA witness;

CREATE TABLE witness.noted (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    TableName text NOT NULL,
    RowId bigint NOT NULL,
    Field text NOT NULL,
    Old text NULL,
    New text NULL,
    ModifiedBy text NULL,
    At timestamptz NOT NULL
);

CREATE FUNCTION witness.note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO witness.noted (TableName, RowId, Field, Old, New, ModifiedBy, At)
    SELECT TG_TABLE_NAME, NEW.id, n.key, o.value, n.value, NEW.ModifiedBy, CLOCK_TIMESTAMP()
    FROM JSONB_EACH_TEXT(TO_JSONB(NEW)) AS n
    INNER JOIN JSONB_EACH_TEXT(TO_JSONB(OLD)) AS o ON n.key = o.key
    WHERE n.value IS DISTINCT FROM o.value AND n.key = ANY (TG_ARGV);
    RETURN NULL;
END $$;

CREATE TRIGGER witness AFTER UPDATE ON dbo.M2M_DeviceChange
FOR EACH ROW EXECUTE FUNCTION witness.note('status', 'errorcode');

CREATE TRIGGER witness AFTER UPDATE ON dbo.DeviceBulkChange
FOR EACH ROW EXECUTE FUNCTION witness.note('status');

CREATE TRIGGER witness AFTER UPDATE ON dbo.Device_Tenant
FOR EACH ROW EXECUTE FUNCTION witness.note(
    'siteid', 'accountnumber', 'accountnumberintegrationauthenticationid', 'revserviceid', 'customerrateplanid',
    'customerratepoolid', 'customerdataallocationmb', 'isactive', 'isdeleted'
);

CREATE TRIGGER witness AFTER UPDATE ON dbo.Device
FOR EACH ROW EXECUTE FUNCTION witness.note('carrierrateplanid', 'commplan');
