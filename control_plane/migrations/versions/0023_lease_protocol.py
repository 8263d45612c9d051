"""Which builds may hold a lease, and who is able to do its work"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def _protocol() -> sa.Column[int]:
    return sa.Column("protocol", sa.Integer(), nullable=False, server_default="0")


def upgrade() -> None:
    with op.batch_alter_table("lease", schema=None) as batch_op:
        batch_op.add_column(_protocol())
    with op.batch_alter_table("lease_member", schema=None) as batch_op:
        batch_op.add_column(_protocol())
        batch_op.add_column(
            sa.Column("is_able", sa.Boolean(), nullable=False, server_default=sa.true())
        )


def downgrade() -> None:
    with op.batch_alter_table("lease_member", schema=None) as batch_op:
        batch_op.drop_column("is_able")
        batch_op.drop_column("protocol")
    with op.batch_alter_table("lease", schema=None) as batch_op:
        batch_op.drop_column("protocol")
