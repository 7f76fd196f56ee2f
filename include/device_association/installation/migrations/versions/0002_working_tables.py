"""Our working tables."""

from alembic import op

from device_association.installation.migrate import run_scripts

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_scripts(op.get_bind(), "schema", "0002_*")
    run_scripts(op.get_bind(), "views", "0002_*")
