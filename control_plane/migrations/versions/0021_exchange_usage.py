"""How much of an exchange's limits is used"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

COUNTS = ("second", "second_limit", "minute", "minute_limit", "promised", "refused", "waiting")


def upgrade() -> None:
    op.create_table(
        "exchange_usage",
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in COUNTS),
        sa.Column("factor", sa.Float(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("holder", "name", name=op.f("pk_exchange_usage")),
    )


def downgrade() -> None:
    op.drop_table("exchange_usage")
