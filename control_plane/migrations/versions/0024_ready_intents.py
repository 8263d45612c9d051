"""What is ready to leave, in its order"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

READY = sa.text("state = 'READY'")


def upgrade() -> None:
    op.create_index(
        "ix_intent_ready",
        "intent",
        ["leg", "planned_ms", "rank", "id"],
        sqlite_where=READY,
        postgresql_where=READY,
    )


def downgrade() -> None:
    op.drop_index("ix_intent_ready", "intent")
