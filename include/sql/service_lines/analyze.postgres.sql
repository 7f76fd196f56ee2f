-- Lets the planner know how many lines there are now; the comparison follows at once.
-- Safe to run twice: nothing changes.
ANALYZE device_association.revio_snapshot_line
