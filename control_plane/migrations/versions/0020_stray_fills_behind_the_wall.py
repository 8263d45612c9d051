"""Stray fills belong to whom their account belongs to"""

from alembic import op

from control_plane.infra.wall import enclose, of_parent, open_up

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    enclose(op.get_bind(), "stray_fill", of_parent("stray_fill", "account_id", "account"))


def downgrade() -> None:
    open_up(op.get_bind(), "stray_fill")
