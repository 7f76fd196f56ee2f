"""What benches measure on: a portal database, a simulated vendor, worker processes, and the steps of one change."""
