"""What a trade entered and exited: a short is sold to open"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("trade", schema=None) as batch_op:
        batch_op.alter_column("bought", new_column_name="entered")
        batch_op.alter_column("sold", new_column_name="exited")


def downgrade() -> None:
    with op.batch_alter_table("trade", schema=None) as batch_op:
        batch_op.alter_column("exited", new_column_name="sold")
        batch_op.alter_column("entered", new_column_name="bought")
