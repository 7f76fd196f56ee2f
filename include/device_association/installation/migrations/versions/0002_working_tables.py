"""Our working tables and views."""

from alembic import op

from device_association.installation.migrate import run_scripts
from device_association.installation.migrations.initial import changes, lines, operation, requests

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for module in (changes, requests, lines, operation):
        for create in module.TABLES:
            create()
    run_scripts(op.get_bind(), "views", "0002_*")
