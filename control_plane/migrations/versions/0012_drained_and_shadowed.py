"""Deployments that are drained, given up and shadowed"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("deployment", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("draining", sa.Boolean(), nullable=False, server_default=sa.false())
        )
        batch_op.add_column(
            sa.Column("on_crash", sa.String(), nullable=False, server_default="keep")
        )
        batch_op.add_column(sa.Column("shadow_of", sa.String(), nullable=True))
        batch_op.create_index(batch_op.f("ix_deployment_shadow_of"), ["shadow_of"])
    with op.batch_alter_table("deployment", schema=None) as batch_op:
        batch_op.alter_column("draining", server_default=None)
        batch_op.alter_column("on_crash", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("deployment", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_deployment_shadow_of"))
        batch_op.drop_column("shadow_of")
        batch_op.drop_column("on_crash")
        batch_op.drop_column("draining")
