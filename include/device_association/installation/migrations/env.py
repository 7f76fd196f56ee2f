"""Alembic's environment: runs the migrations on the connection that `device_association.installation.migrate` gives."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    version_table="schema_version",
    version_table_schema="device_association",
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
