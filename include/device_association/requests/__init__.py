"""Requests of people: new bulk changes, their rules and previews, approvals, retries, cancellations, reverts."""
