"""Recurring upkeep: the sweep, dead letters, and the retention of our own tables."""
