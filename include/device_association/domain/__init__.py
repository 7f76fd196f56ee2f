"""Pure values and rules without I/O: error classes, statuses and codes, the fields of a request, SIM numbers."""
