"""The portal's own tables, on an installation that has none."""

from alembic import op

from device_association.installation.migrate import run_scripts
from device_association.installation.migrations.initial import (
    columns,
    portal_changes,
    portal_customers,
    portal_devices,
    portal_tenants,
)

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    if columns.is_on(columns.POSTGRESQL):  # SQL Server's databases have it from the beginning
        op.execute("CREATE SCHEMA IF NOT EXISTS dbo")
    for module in (portal_tenants, portal_customers, portal_devices, portal_changes):
        for create in module.TABLES:
            create()
    run_scripts(op.get_bind(), "views", "0001_*")
