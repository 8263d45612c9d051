"""Jobs and the run of versions in the sandbox"""

import sqlalchemy as sa
from alembic import op

from control_plane.infra.wall import OWN, enclose, of_parent, open_up

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


RULES = {
    "job": OWN,
    "job_chunk": of_parent("job_chunk", "job_id", "job"),
    "job_result": of_parent("job_result", "job_id", "job"),
}


def upgrade() -> None:
    op.create_table(
        "job",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("shard", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("fault", sa.String(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("retry_ms", sa.BigInteger(), nullable=False),
        sa.Column("task", sa.Text(), nullable=False),
        sa.Column("candles", sa.Text(), nullable=False),
        sa.Column("code_sha256", sa.String(), nullable=False),
        sa.Column("candles_sha256", sa.String(), nullable=True),
        sa.Column("boot", sa.Text(), nullable=True),
        sa.Column("boot_sha256", sa.String(), nullable=False),
        sa.Column("password_sha256", sa.String(), nullable=False),
        sa.Column("container", sa.String(), nullable=True),
        sa.Column("launcher", sa.String(), nullable=False),
        sa.Column("run", sa.String(), nullable=True),
        sa.Column("memory_mb", sa.Integer(), nullable=False),
        sa.Column("cpus", sa.Float(), nullable=False),
        sa.Column("seconds", sa.Integer(), nullable=False),
        sa.Column("progress", sa.Float(), nullable=False),
        sa.Column("said", sa.String(), nullable=False),
        sa.Column("is_cleared", sa.Boolean(), nullable=False),
        sa.Column("log_tail", sa.Text(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("started_ms", sa.BigInteger(), nullable=True),
        sa.Column("ended_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job")),
    )
    with op.batch_alter_table("job", schema=None) as batch_op:
        batch_op.create_index("ix_job_is_cleared", ["is_cleared", "shard"], unique=False)
        batch_op.create_index("ix_job_key", ["key"], unique=False)
        batch_op.create_index("ix_job_state", ["state"], unique=False)
        batch_op.create_index("ix_job_subject", ["subject", "created_ms"], unique=False)
        batch_op.create_index(batch_op.f("ix_job_tenant"), ["tenant"], unique=False)

    op.create_table(
        "job_chunk",
        sa.Column("job_id", sa.String(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("job_id", "n", name=op.f("pk_job_chunk")),
    )
    op.create_table(
        "job_result",
        sa.Column("job_id", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("headline", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("job_id", name=op.f("pk_job_result")),
    )
    with op.batch_alter_table("version", schema=None) as batch_op:
        batch_op.add_column(sa.Column("trial", sa.String(), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("note", sa.String(), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("figures", sa.Text(), nullable=False, server_default="{}"))

    for name, rule in RULES.items():
        enclose(op.get_bind(), name, rule)


def downgrade() -> None:
    for name in reversed(RULES):
        open_up(op.get_bind(), name)
    with op.batch_alter_table("version", schema=None) as batch_op:
        batch_op.drop_column("figures")
        batch_op.drop_column("note")
        batch_op.drop_column("trial")

    op.drop_table("job_result")
    op.drop_table("job_chunk")
    with op.batch_alter_table("job", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_job_tenant"))
        batch_op.drop_index("ix_job_subject")
        batch_op.drop_index("ix_job_state")
        batch_op.drop_index("ix_job_key")
        batch_op.drop_index("ix_job_is_cleared")

    op.drop_table("job")
