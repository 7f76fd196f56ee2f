"""The three stored procedures, where the portal has none of its own."""

from alembic import op

from device_association.installation.migrate import install_procedures

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    install_procedures(op.get_bind())
