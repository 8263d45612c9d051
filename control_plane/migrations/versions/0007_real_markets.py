"""Rules of real markets, and which of their feeds is behind"""

import sqlalchemy as sa
from alembic import op

from control_plane.infra.db import Money

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

RULES = ("max_market_quantity", "min_price", "max_price", "band_up", "band_down")


def upgrade() -> None:
    with op.batch_alter_table("instrument", schema=None) as batch_op:
        for name in RULES:
            batch_op.add_column(sa.Column(name, Money(), nullable=True))

    op.create_table(
        "market_lag",
        sa.Column("instrument", sa.String(), nullable=False),
        sa.Column("feed", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("instrument", name=op.f("pk_market_lag")),
    )


def downgrade() -> None:
    op.drop_table("market_lag")
    with op.batch_alter_table("instrument", schema=None) as batch_op:
        for name in reversed(RULES):
            batch_op.drop_column(name)
