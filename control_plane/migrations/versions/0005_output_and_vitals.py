"""Output and vitals of containers"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "output_line",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("deployment_id", sa.String(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("at_ns", sa.BigInteger(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_output_line")),
    )
    with op.batch_alter_table("output_line", schema=None) as batch_op:
        batch_op.create_index("ix_output_line_place", ["deployment_id", "id"], unique=False)

    op.create_table(
        "vital",
        sa.Column("deployment_id", sa.String(), nullable=False),
        sa.Column("minute_ms", sa.BigInteger(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("run", sa.String(), nullable=False),
        sa.Column("cpu_seconds", sa.Float(), nullable=False),
        sa.Column("cpus", sa.Float(), nullable=True),
        sa.Column("memory_bytes", sa.BigInteger(), nullable=False),
        sa.Column("lag_ms", sa.Integer(), nullable=False),
        sa.Column("loop_lag_ms", sa.Integer(), nullable=False),
        sa.Column("waiting", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("deployment_id", "minute_ms", name=op.f("pk_vital")),
    )


def downgrade() -> None:
    op.drop_table("vital")
    with op.batch_alter_table("output_line", schema=None) as batch_op:
        batch_op.drop_index("ix_output_line_place")

    op.drop_table("output_line")
