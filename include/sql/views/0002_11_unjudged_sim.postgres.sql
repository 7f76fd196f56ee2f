-- Which active or past records that cannot be judged may be those of a device's SIM: they name it, or a number that was sent
-- without its last digits may be its ICCID. Of these numbers the length and the first 16 digits are compared, see `rounded_keys`.
-- Alembic runs this once.
CREATE VIEW device_association.unjudged_sim AS
SELECT
    k.DeviceId AS DeviceId,
    u.IntegrationAuthenticationId AS AccountId,
    u.LineKey AS LineKey,
    u.RevServiceId AS RevServiceId,
    u.CustomerNumber AS CustomerNumber,
    u.DisconnectedDate AS DisconnectedDate
FROM (
    SELECT s.DeviceId, CONCAT(CASE s.IsSim WHEN 1 THEN 'I' ELSE 'N' END, s.Digits) AS MatchKey
    FROM device_association.sim_key AS s
    UNION ALL
    SELECT s.DeviceId, CASE WHEN s.IsSim = 1 THEN CONCAT('R', LENGTH(s.Digits), '-', LEFT(s.Digits, 16)) END
    FROM device_association.sim_key AS s
) AS k
INNER JOIN device_association.unjudged_line_key AS n ON k.MatchKey = n.MatchKey
INNER JOIN device_association.unjudged_line AS u
    ON n.IntegrationAuthenticationId = u.IntegrationAuthenticationId AND n.LineKey = u.LineKey;
