"""Why something was halted by itself, and by which process"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

NAMES = ("cause", "holder")


def upgrade() -> None:
    with op.batch_alter_table("halt", schema=None) as batch_op:
        for name in NAMES:
            batch_op.add_column(sa.Column(name, sa.String(), nullable=False, server_default=""))
    with op.batch_alter_table("halt", schema=None) as batch_op:
        for name in NAMES:
            batch_op.alter_column(name, server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("halt", schema=None) as batch_op:
        for name in NAMES:
            batch_op.drop_column(name)
