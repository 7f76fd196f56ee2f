"""The three stored procedures."""

from alembic import op

from device_association.schema import run_scripts

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_scripts(op.get_bind(), "procedures", "*")
