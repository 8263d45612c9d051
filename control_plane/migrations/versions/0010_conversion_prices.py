"""At which price an exchange converts one currency into another"""

import sqlalchemy as sa
from alembic import op

from control_plane.infra.db import Money

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "market_rate",
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("priced_in", sa.String(), nullable=False),
        sa.Column("price", Money(), nullable=False),
        sa.Column("read_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("currency", "priced_in", name=op.f("pk_market_rate")),
    )


def downgrade() -> None:
    op.drop_table("market_rate")
