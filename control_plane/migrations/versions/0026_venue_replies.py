"""What venues answered"""

import sqlalchemy as sa
from alembic import op

from control_plane.infra.wall import enclose, open_up

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "venue_reply",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("intent_id", sa.String(), nullable=False),
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("shard", sa.Integer(), nullable=False),
        sa.Column("client_order_id", sa.String(), nullable=False),
        sa.Column("asked", sa.String(), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_venue_reply")),
    )
    with op.batch_alter_table("venue_reply", schema=None) as batch_op:
        batch_op.create_index("ix_venue_reply_intent", ["intent_id", "id"], unique=False)
        batch_op.create_index("ix_venue_reply_at", ["at_ms"], unique=False)
    enclose(op.get_bind(), "venue_reply")


def downgrade() -> None:
    open_up(op.get_bind(), "venue_reply")
    op.drop_table("venue_reply")
