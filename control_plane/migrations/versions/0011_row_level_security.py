"""Row-level security: the second wall between tenants, on PostgreSQL"""

from alembic import op

from control_plane.infra.wall import OWN, ROLE, enclose, of_parent, open_up

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

# A user is a row of the whole cluster: another database may have made it already, at this moment.
MAKE_ROLE = f"""
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{ROLE}') THEN
    CREATE ROLE {ROLE} NOLOGIN;
  END IF;
EXCEPTION
  WHEN duplicate_object OR unique_violation THEN NULL;
END $$
"""
# Whoever owns the tables must be able to become it; tried, for versions differ in what that takes.
JOIN_ROLE = f"""
DO $$ BEGIN
  BEGIN
    SET LOCAL ROLE {ROLE};
    RESET ROLE;
  EXCEPTION
    WHEN insufficient_privilege THEN EXECUTE format('GRANT {ROLE} TO %I', current_user);
  END;
END $$
"""
GRANTS = f"""
DO $$ BEGIN
  EXECUTE format('GRANT USAGE ON SCHEMA %I TO {ROLE}', current_schema());
  EXECUTE format(
    'GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %I TO {ROLE}', current_schema());
  EXECUTE format('GRANT USAGE ON ALL SEQUENCES IN SCHEMA %I TO {ROLE}', current_schema());
  EXECUTE format(
    'ALTER DEFAULT PRIVILEGES IN SCHEMA %I'
    ' GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {ROLE}', current_schema());
  EXECUTE format(
    'ALTER DEFAULT PRIVILEGES IN SCHEMA %I GRANT USAGE ON SEQUENCES TO {ROLE}', current_schema());
END $$
"""
# What the audit log tells is not one tenant's; its next row needs the digest of the last.
NARROWED = (
    f"REVOKE ALL ON audit, alembic_version FROM {ROLE}",
    f"GRANT INSERT, SELECT (chain, seq, prev_hash, hash) ON audit TO {ROLE}",
    f"GRANT SELECT ON alembic_version TO {ROLE}",
)
UNGRANT = f"""
DO $$ BEGIN
  EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA %I REVOKE ALL ON TABLES FROM {ROLE}',
    current_schema());
  EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA %I REVOKE ALL ON SEQUENCES FROM {ROLE}',
    current_schema());
  EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA %I FROM {ROLE}', current_schema());
  EXECUTE format('REVOKE ALL ON ALL SEQUENCES IN SCHEMA %I FROM {ROLE}', current_schema());
  EXECUTE format('REVOKE ALL ON SCHEMA %I FROM {ROLE}', current_schema());
END $$
"""

ASKED = "current_setting('slipway.tenant', true)"
HAVE_TENANT = (
    "account", "api_token", "broker_key", "deployment", "event", "fill", "idempotency_key",
    "intent", "ledger", "orders", "second_factor", "session", "signal", "skip", "strategy", "subscription", "trade",
    "version",
)  # fmt: skip
OF_ACCOUNT = (
    "broker_key_version", "paper_account", "paper_balance", "paper_fill", "paper_order",
    "paper_position",
)  # fmt: skip
OF_DEPLOYMENT = (
    "dead_letter", "execution", "execution_repeat", "generation", "inbox", "log_line", "metric",
    "output_line", "run", "vital",
)  # fmt: skip
FOLLOWED = "EXISTS (SELECT FROM intent WHERE intent.signal_id = plan.signal_id)"

RULES = {
    **dict.fromkeys(HAVE_TENANT, OWN),
    **{name: of_parent(name, "account", "account") for name in OF_ACCOUNT},
    **{name: of_parent(name, "deployment_id", "deployment") for name in OF_DEPLOYMENT},
    "exposure_owner": of_parent("exposure_owner", "account_id", "account"),
    "fill_cursor": of_parent("fill_cursor", "account_id", "account"),
    "letter_proof": f"subject = {ASKED}",
    # What subscribers of a signal share: its author's, and theirs who have an intent of it.
    "plan": f"{of_parent('plan', 'deployment_id', 'deployment')} OR {FOLLOWED}",
    "renewal": of_parent("renewal", "session", "session"),
    "subscription_version": of_parent("subscription_version", "subscription_id", "subscription"),
    "user": f"id = {ASKED}",
}
# What happened to nothing of anybody's is told too.
ALSO_WRITTEN = {"event": "tenant = ''"}


def upgrade() -> None:
    bind = op.get_bind()
    if bind.dialect.name != "postgresql":
        return
    for statement in (MAKE_ROLE, JOIN_ROLE, GRANTS, *NARROWED):
        op.execute(statement)
    for table, rule in RULES.items():
        enclose(bind, table, rule, also_write=ALSO_WRITTEN.get(table, ""))


def downgrade() -> None:
    """The role stays: another database of the cluster may use it."""
    bind = op.get_bind()
    if bind.dialect.name != "postgresql":
        return
    for table in RULES:
        open_up(bind, table)
    op.execute(UNGRANT)
