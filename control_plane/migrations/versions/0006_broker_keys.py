"""Broker keys"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "broker_key",
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("exchange", sa.String(), nullable=False),
        sa.Column("row_version", sa.BigInteger(), nullable=False),
        sa.Column("kek_id", sa.String(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("hint", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account", name=op.f("pk_broker_key")),
    )
    with op.batch_alter_table("broker_key", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_broker_key_kek_id"), ["kek_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_broker_key_tenant"), ["tenant"], unique=False)

    op.create_table(
        "broker_key_version",
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account", name=op.f("pk_broker_key_version")),
    )


def downgrade() -> None:
    op.drop_table("broker_key_version")
    with op.batch_alter_table("broker_key", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_broker_key_tenant"))
        batch_op.drop_index(batch_op.f("ix_broker_key_kek_id"))

    op.drop_table("broker_key")
