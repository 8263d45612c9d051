"""What a subscription may trade, until when it pauses and how it ends; a deployment's leverage"""

import sqlalchemy as sa
from alembic import op

from control_plane.infra.db import Money

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

TEXTS = {"opposite": "skip", "symbols_allowed": "", "symbols_denied": "", "positions": "keep"}
WAKES = sa.text("paused_until_ms IS NOT NULL")
LEAVES = sa.text("positions = 'close'")


def upgrade() -> None:
    with op.batch_alter_table("subscription", schema=None) as batch_op:
        for name, default in TEXTS.items():
            kind = sa.Text() if name.startswith("symbols") else sa.String()
            batch_op.add_column(sa.Column(name, kind, nullable=False, server_default=default))
        batch_op.add_column(sa.Column("paused_until_ms", sa.BigInteger(), nullable=True))
    with op.batch_alter_table("subscription", schema=None) as batch_op:
        for name in TEXTS:
            batch_op.alter_column(name, server_default=None)
        batch_op.create_index(
            "ix_subscription_wakes", ["paused_until_ms"], sqlite_where=WAKES, postgresql_where=WAKES
        )
        batch_op.create_index(
            "ix_subscription_leaves", ["shard"], sqlite_where=LEAVES, postgresql_where=LEAVES
        )
    with op.batch_alter_table("deployment", schema=None) as batch_op:
        batch_op.add_column(sa.Column("max_leverage", Money(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("deployment", schema=None) as batch_op:
        batch_op.drop_column("max_leverage")
    with op.batch_alter_table("subscription", schema=None) as batch_op:
        batch_op.drop_index("ix_subscription_leaves")
        batch_op.drop_index("ix_subscription_wakes")
        batch_op.drop_column("paused_until_ms")
        for name in TEXTS:
            batch_op.drop_column(name)
