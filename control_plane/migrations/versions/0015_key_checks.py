"""What came of testing broker keys"""

import sqlalchemy as sa
from alembic import op

from control_plane.infra.wall import enclose, open_up

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "broker_key_check",
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("user", sa.String(), nullable=True),
        sa.Column("skew_ms", sa.BigInteger(), nullable=True),
        sa.Column("egress", sa.String(), nullable=False),
        sa.Column("held", sa.Text(), nullable=False),
        sa.Column("checked_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account", name=op.f("pk_broker_key_check")),
    )
    with op.batch_alter_table("broker_key_check", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_broker_key_check_tenant"), ["tenant"], unique=False)
        batch_op.create_index(batch_op.f("ix_broker_key_check_user"), ["user"], unique=False)
    enclose(op.get_bind(), "broker_key_check")


def downgrade() -> None:
    open_up(op.get_bind(), "broker_key_check")
    op.drop_table("broker_key_check")
