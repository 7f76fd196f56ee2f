"""The portal's own tables, on an installation that has none."""

from alembic import op

from device_association.installation.migrate import run_scripts

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_scripts(op.get_bind(), "schema", "0001_*")
    run_scripts(op.get_bind(), "views", "0001_*")
