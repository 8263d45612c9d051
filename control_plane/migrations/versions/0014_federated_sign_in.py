"""Signing in by way of an OpenID provider"""

import sqlalchemy as sa
from alembic import op

from control_plane.infra.wall import enclose

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "identity",
        sa.Column("issuer", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("issuer", "subject", name=op.f("pk_identity")),
        sa.UniqueConstraint("tenant", "issuer", name=op.f("uq_identity_tenant_issuer")),
    )
    op.create_table(
        "federated_sign_in",
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("browser", sa.String(), nullable=False),
        sa.Column("secrets", sa.LargeBinary(), nullable=False),
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("invitation", sa.String(), nullable=True),
        sa.Column("landing", sa.String(), nullable=False),
        sa.Column("challenge", sa.String(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.Column("used_ms", sa.BigInteger(), nullable=True),
        sa.Column("claim", sa.String(), nullable=True),
        sa.Column("proved", sa.String(), nullable=True),
        sa.Column("claimed_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("state", name=op.f("pk_federated_sign_in")),
        sa.UniqueConstraint("claim", name=op.f("uq_federated_sign_in_claim")),
    )
    with op.batch_alter_table("federated_sign_in", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_federated_sign_in_expires_ms"), ["expires_ms"], unique=False
        )
    for table in ("identity", "federated_sign_in"):
        enclose(op.get_bind(), table)


def downgrade() -> None:
    with op.batch_alter_table("federated_sign_in", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_federated_sign_in_expires_ms"))
    op.drop_table("federated_sign_in")
    op.drop_table("identity")
