"""Decisions that fail in a row, and one living deployment of a name"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

# Two that were made at the same moment: the later one is told apart by its id.
TELL_APART = """
UPDATE deployment SET name = name || ' ' || id
WHERE desired <> 'deleted' AND EXISTS (
    SELECT 1 FROM deployment AS other
    WHERE other.tenant = deployment.tenant AND other.name = deployment.name
    AND other.desired <> 'deleted' AND other.id < deployment.id
)
"""


def upgrade() -> None:
    op.execute(TELL_APART)
    with op.batch_alter_table("deployment", schema=None) as batch_op:
        batch_op.add_column(sa.Column("failing", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("failure", sa.Text(), nullable=True))
        batch_op.create_index(
            "uq_deployment_name",
            ["tenant", "name"],
            unique=True,
            sqlite_where=sa.text("desired <> 'deleted'"),
            postgresql_where=sa.text("desired <> 'deleted'"),
        )
    with op.batch_alter_table("deployment", schema=None) as batch_op:
        batch_op.alter_column("failing", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("deployment", schema=None) as batch_op:
        batch_op.drop_index("uq_deployment_name")
        batch_op.drop_column("failure")
        batch_op.drop_column("failing")
