"""Alembic's environment and our revisions."""
