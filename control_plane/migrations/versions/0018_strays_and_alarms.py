"""Stray fills, and alarms"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "stray_fill",
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("exchange_fill_id", sa.String(), nullable=False),
        sa.Column("exchange_order_id", sa.String(), nullable=False),
        sa.Column("instrument", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("seen_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "exchange_fill_id", name=op.f("pk_stray_fill")),
    )
    with op.batch_alter_table("stray_fill", schema=None) as batch_op:
        batch_op.create_index("ix_stray_fill_order", ["account_id", "exchange_order_id"])
        batch_op.create_index(batch_op.f("ix_stray_fill_seen_ms"), ["seen_ms"], unique=False)

    op.create_table(
        "alarm",
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("shard", sa.Integer(), nullable=False),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("rule", "subject", name=op.f("pk_alarm")),
    )
    with op.batch_alter_table("orders", schema=None) as batch_op:
        batch_op.create_index("ix_orders_venue", ["venue", "signed_ms"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("orders", schema=None) as batch_op:
        batch_op.drop_index("ix_orders_venue")

    op.drop_table("alarm")
    with op.batch_alter_table("stray_fill", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_stray_fill_seen_ms"))
        batch_op.drop_index("ix_stray_fill_order")

    op.drop_table("stray_fill")
