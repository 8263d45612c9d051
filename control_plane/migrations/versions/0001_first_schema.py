"""The first schema"""

import sqlalchemy as sa
from alembic import op

from control_plane.infra.db import Money

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:

    op.create_table(
        "account",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("shard", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("venue", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("home_currency", sa.String(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.UniqueConstraint("tenant", "name", name=op.f("uq_account_tenant_name")),
    )
    with op.batch_alter_table("account", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_account_tenant"), ["tenant"], unique=False)

    op.create_table(
        "budget",
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("window_start_ms", sa.BigInteger(), nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=False),
        sa.Column("max", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "window_start_ms", name=op.f("pk_budget")),
    )
    op.create_table(
        "candle",
        sa.Column("instrument", sa.String(), nullable=False),
        sa.Column("resolution", sa.String(), nullable=False),
        sa.Column("open_ms", sa.BigInteger(), nullable=False),
        sa.Column("open", sa.Float(), nullable=False),
        sa.Column("high", sa.Float(), nullable=False),
        sa.Column("low", sa.Float(), nullable=False),
        sa.Column("close", sa.Float(), nullable=False),
        sa.Column("volume", sa.Float(), nullable=False),
        sa.Column("published_ms", sa.BigInteger(), nullable=False),
        sa.Column("gap_filled", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("instrument", "resolution", "open_ms", name=op.f("pk_candle")),
    )
    op.create_table(
        "command",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("shard", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("asked_ms", sa.BigInteger(), nullable=False),
        sa.Column("done_ms", sa.BigInteger(), nullable=True),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_command")),
    )
    with op.batch_alter_table("command", schema=None) as batch_op:
        batch_op.create_index("ix_command_open", ["role", "state", "asked_ms"], unique=False)

    op.create_table(
        "dead_letter",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("deployment_id", sa.String(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("frame", sa.Text(), nullable=False),
        sa.Column("seen_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dead_letter")),
    )
    with op.batch_alter_table("dead_letter", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_dead_letter_deployment_id"), ["deployment_id"], unique=False
        )

    op.create_table(
        "event",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject_kind", sa.String(), nullable=False),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_event")),
    )
    with op.batch_alter_table("event", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_event_kind"), ["kind"], unique=False)
        batch_op.create_index(batch_op.f("ix_event_subject_id"), ["subject_id"], unique=False)

    op.create_table(
        "execution",
        sa.Column("deployment_id", sa.String(), nullable=False),
        sa.Column("trigger", sa.String(), nullable=False),
        sa.Column("trigger_open_ms", sa.BigInteger(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("run", sa.String(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("body_sha256", sa.String(), nullable=False),
        sa.Column("took_us", sa.BigInteger(), nullable=False),
        sa.Column("published_ms", sa.BigInteger(), nullable=False),
        sa.Column("decided_ms", sa.BigInteger(), nullable=False),
        sa.Column("committed_ms", sa.BigInteger(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("shard", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("deployment_id", "trigger", name=op.f("pk_execution")),
    )
    op.create_table(
        "execution_repeat",
        sa.Column("deployment_id", sa.String(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("run", sa.String(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("trigger", sa.String(), nullable=False),
        sa.Column("same", sa.Boolean(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("seen_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "deployment_id", "generation", "run", "n", name=op.f("pk_execution_repeat")
        ),
    )
    op.create_table(
        "exposure_owner",
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("position", sa.String(), nullable=False),
        sa.Column("subscription_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "position", name=op.f("pk_exposure_owner")),
    )
    op.create_table(
        "fill_cursor",
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("cursor", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_fill_cursor")),
    )
    op.create_table(
        "halt",
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("mode", sa.String(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("by_user", sa.String(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("scope", name=op.f("pk_halt")),
    )
    op.create_table(
        "inbox",
        sa.Column("deployment_id", sa.String(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("run", sa.String(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("seen_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("deployment_id", "generation", "run", "n", name=op.f("pk_inbox")),
    )
    op.create_table(
        "instrument",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("pair", sa.String(), nullable=False),
        sa.Column("base", sa.String(), nullable=False),
        sa.Column("quote", sa.String(), nullable=False),
        sa.Column("feed", sa.String(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("exit_only", sa.Boolean(), nullable=False),
        sa.Column("tick_size", Money(), nullable=False),
        sa.Column("quantity_step", Money(), nullable=False),
        sa.Column("min_quantity", Money(), nullable=False),
        sa.Column("max_quantity", Money(), nullable=True),
        sa.Column("min_notional", Money(), nullable=False),
        sa.Column("max_leverage", Money(), nullable=False),
        sa.Column("leverage_tiers", sa.Text(), nullable=False),
        sa.Column("maintenance_rate", Money(), nullable=False),
        sa.Column("maker_fee", Money(), nullable=False),
        sa.Column("taker_fee", Money(), nullable=False),
        sa.Column("order_types", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_instrument")),
    )
    op.create_table(
        "intent",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("signal_id", sa.String(), nullable=True),
        sa.Column("subscription_id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("shard", sa.Integer(), nullable=False),
        sa.Column("deployment_id", sa.String(), nullable=False),
        sa.Column("instrument", sa.String(), nullable=False),
        sa.Column("margin_currency", sa.String(), nullable=False),
        sa.Column("venue", sa.String(), nullable=False),
        sa.Column("leg", sa.String(), nullable=False),
        sa.Column("gen", sa.Integer(), nullable=False),
        sa.Column("trade_id", sa.String(), nullable=True),
        sa.Column("waits_for", sa.String(), nullable=True),
        sa.Column("trigger_ms", sa.BigInteger(), nullable=False),
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("quantity", Money(), nullable=False),
        sa.Column("filled", Money(), nullable=False),
        sa.Column("limit_price", Money(), nullable=True),
        sa.Column("trigger_price", Money(), nullable=True),
        sa.Column("stop_loss", Money(), nullable=True),
        sa.Column("take_profit", Money(), nullable=True),
        sa.Column("leverage", Money(), nullable=False),
        sa.Column("slippage", Money(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("signed_ms", sa.BigInteger(), nullable=True),
        sa.Column("retry_ms", sa.BigInteger(), nullable=False),
        sa.Column("looks", sa.Integer(), nullable=False),
        sa.Column("looked_ms", sa.BigInteger(), nullable=True),
        sa.Column("expires_ms", sa.BigInteger(), nullable=True),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("risk", sa.Text(), nullable=True),
        sa.Column("explain", sa.Text(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("planned_ms", sa.BigInteger(), nullable=False),
        sa.Column("sent_ms", sa.BigInteger(), nullable=True),
        sa.Column("done_ms", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("leg IN ('entry','sl','tp','exit')", name=op.f("ck_intent_leg_known")),
        sa.CheckConstraint(
            "state IN ('PLANNED','DENIED','READY','SENDING','UNKNOWN','OPEN','PARTIAL','CANCELLING','FILLED','CANCELLED','REJECTED','EXPIRED','ABANDONED','QUARANTINED')",
            name=op.f("ck_intent_state_known"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('DENIED','REJECTED','ABANDONED','QUARANTINED') OR reason IS NOT NULL",
            name=op.f("ck_intent_reasoned"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('SENDING','UNKNOWN') OR (signed_ms IS NOT NULL AND attempt > 0 AND risk IS NOT NULL)",
            name=op.f("ck_intent_written_ahead"),
        ),
        sa.CheckConstraint(
            "CAST(filled AS DOUBLE PRECISION) >= 0 AND CAST(filled AS DOUBLE PRECISION) <= CAST(quantity AS DOUBLE PRECISION)",
            name=op.f("ck_intent_not_overfilled"),
        ),
        sa.CheckConstraint(
            "CAST(quantity AS DOUBLE PRECISION) > 0", name=op.f("ck_intent_quantity_positive")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_intent")),
        sa.UniqueConstraint(
            "signal_id",
            "subscription_id",
            "leg",
            "gen",
            name=op.f("uq_intent_signal_id_subscription_id_leg_gen"),
        ),
    )
    with op.batch_alter_table("intent", schema=None) as batch_op:
        batch_op.create_index("ix_intent_subscription", ["subscription_id", "state"], unique=False)
        batch_op.create_index(
            "ix_intent_trade",
            ["trade_id"],
            unique=False,
            sqlite_where=sa.text("trade_id IS NOT NULL"),
            postgresql_where=sa.text("trade_id IS NOT NULL"),
        )
        batch_op.create_index("ix_intent_work", ["state", "shard"], unique=False)
        batch_op.create_index(
            "uq_intent_exit",
            ["trade_id"],
            unique=True,
            sqlite_where=sa.text(
                "leg = 'exit' AND state NOT IN ('DENIED','FILLED','CANCELLED','REJECTED','EXPIRED','ABANDONED','QUARANTINED')"
            ),
            postgresql_where=sa.text(
                "leg = 'exit' AND state NOT IN ('DENIED','FILLED','CANCELLED','REJECTED','EXPIRED','ABANDONED','QUARANTINED')"
            ),
        )
        batch_op.create_index(
            "uq_intent_in_doubt",
            ["account_id", "instrument", "margin_currency", "leg"],
            unique=True,
            sqlite_where=sa.text("state IN ('SENDING','UNKNOWN')"),
            postgresql_where=sa.text("state IN ('SENDING','UNKNOWN')"),
        )

    op.create_table(
        "lease",
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("shard", sa.Integer(), nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("installation", sa.String(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("role", "shard", name=op.f("pk_lease")),
    )
    op.create_table(
        "lease_member",
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("installation", sa.String(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("role", "holder", name=op.f("pk_lease_member")),
    )
    op.create_table(
        "ledger",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("subscription_id", sa.String(), nullable=False),
        sa.Column("trade_id", sa.String(), nullable=True),
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("shard", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("amount", Money(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger")),
        sa.UniqueConstraint(
            "account_id", "kind", "reference", name=op.f("uq_ledger_account_id_kind_reference")
        ),
    )
    with op.batch_alter_table("ledger", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_ledger_account_id"), ["account_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_ledger_subscription_id"), ["subscription_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_ledger_trade_id"), ["trade_id"], unique=False)

    op.create_table(
        "log_line",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("deployment_id", sa.String(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("level", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log_line")),
    )
    with op.batch_alter_table("log_line", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_log_line_deployment_id"), ["deployment_id"], unique=False
        )

    op.create_table(
        "market_time",
        sa.Column("feed", sa.String(), nullable=False),
        sa.Column("anchor_market_ms", sa.BigInteger(), nullable=False),
        sa.Column("anchor_real_ms", sa.BigInteger(), nullable=False),
        sa.Column("speed", sa.Float(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("feed", name=op.f("pk_market_time")),
    )
    op.create_table(
        "market_want",
        sa.Column("instrument", sa.String(), nullable=False),
        sa.Column("resolution", sa.String(), nullable=False),
        sa.Column("wanted_by", sa.String(), nullable=False),
        sa.Column("lookback", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint(
            "instrument", "resolution", "wanted_by", name=op.f("pk_market_want")
        ),
    )
    with op.batch_alter_table("market_want", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_market_want_wanted_by"), ["wanted_by"], unique=False)

    op.create_table(
        "metric",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("deployment_id", sa.String(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_metric")),
    )
    with op.batch_alter_table("metric", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_metric_deployment_id"), ["deployment_id"], unique=False
        )

    op.create_table(
        "paper_account",
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("fills", sa.BigInteger(), nullable=False),
        sa.Column("opened_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account", name=op.f("pk_paper_account")),
    )
    op.create_table(
        "paper_balance",
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("free", Money(), nullable=False),
        sa.Column("locked", Money(), nullable=False),
        sa.PrimaryKeyConstraint("account", "currency", name=op.f("pk_paper_balance")),
    )
    op.create_table(
        "paper_fill",
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("client_order_id", sa.String(), nullable=False),
        sa.Column("instrument", sa.String(), nullable=False),
        sa.Column("margin_currency", sa.String(), nullable=False),
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("quantity", Money(), nullable=False),
        sa.Column("price", Money(), nullable=False),
        sa.Column("fee", Money(), nullable=False),
        sa.Column("fee_currency", sa.String(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account", "number", name=op.f("pk_paper_fill")),
        sa.UniqueConstraint("id", name=op.f("uq_paper_fill_id")),
    )
    with op.batch_alter_table("paper_fill", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_paper_fill_order_id"), ["order_id"], unique=False)

    op.create_table(
        "paper_order",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("client_order_id", sa.String(), nullable=False),
        sa.Column("instrument", sa.String(), nullable=False),
        sa.Column("margin_currency", sa.String(), nullable=False),
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("price", Money(), nullable=True),
        sa.Column("trigger_price", Money(), nullable=True),
        sa.Column("quantity", Money(), nullable=False),
        sa.Column("filled", Money(), nullable=False),
        sa.Column("fills", sa.Integer(), nullable=False),
        sa.Column("leverage", Money(), nullable=False),
        sa.Column("conversion", Money(), nullable=False),
        sa.Column("stop_loss", Money(), nullable=True),
        sa.Column("take_profit", Money(), nullable=True),
        sa.Column("lock_currency", sa.String(), nullable=False),
        sa.Column("locked", Money(), nullable=False),
        sa.Column("resting", sa.Boolean(), nullable=False),
        sa.Column("tick_ms", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("updated_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_paper_order")),
    )
    with op.batch_alter_table("paper_order", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_paper_order_account"), ["account"], unique=False)
        batch_op.create_index(
            "ix_paper_order_live",
            ["instrument"],
            unique=False,
            sqlite_where=sa.text("state IN ('untriggered','open','partial')"),
            postgresql_where=sa.text("state IN ('untriggered','open','partial')"),
        )
        batch_op.create_index("uq_paper_order_client", ["account", "client_order_id"], unique=True)

    op.create_table(
        "paper_position",
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("instrument", sa.String(), nullable=False),
        sa.Column("margin_currency", sa.String(), nullable=False),
        sa.Column("quantity", Money(), nullable=False),
        sa.Column("entry_price", Money(), nullable=False),
        sa.Column("leverage", Money(), nullable=False),
        sa.Column("margin", Money(), nullable=False),
        sa.Column("conversion", Money(), nullable=False),
        sa.Column("stop_loss", Money(), nullable=True),
        sa.Column("take_profit", Money(), nullable=True),
        sa.Column("liquidation_price", Money(), nullable=True),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("updated_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "account", "instrument", "margin_currency", name=op.f("pk_paper_position")
        ),
    )
    with op.batch_alter_table("paper_position", schema=None) as batch_op:
        batch_op.create_index("ix_paper_position_instrument", ["instrument"], unique=False)

    op.create_table(
        "plan",
        sa.Column("signal_id", sa.String(), nullable=False),
        sa.Column("deployment_id", sa.String(), nullable=False),
        sa.Column("shard", sa.Integer(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("shared", sa.Text(), nullable=False),
        sa.Column("intents", sa.Integer(), nullable=False),
        sa.Column("skips", sa.Integer(), nullable=False),
        sa.Column("planned_ms", sa.BigInteger(), nullable=False),
        sa.Column("took_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("signal_id", name=op.f("pk_plan")),
    )
    with op.batch_alter_table("plan", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_plan_deployment_id"), ["deployment_id"], unique=False)

    op.create_table(
        "run",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("deployment_id", sa.String(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("hello_ms", sa.BigInteger(), nullable=False),
        sa.Column("welcomed_ms", sa.BigInteger(), nullable=True),
        sa.Column("beat_ms", sa.BigInteger(), nullable=True),
        sa.Column("phase", sa.String(), nullable=False),
        sa.Column("last_trigger", sa.String(), nullable=True),
        sa.Column("lag_ms", sa.Integer(), nullable=False),
        sa.Column("loop_lag_ms", sa.Integer(), nullable=False),
        sa.Column("rss_bytes", sa.BigInteger(), nullable=False),
        sa.Column("cpu_seconds", sa.Float(), nullable=False),
        sa.Column("waiting", sa.Integer(), nullable=False),
        sa.Column("dropped", sa.Integer(), nullable=False),
        sa.Column("bye", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run")),
    )
    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.create_index("ix_run_generation", ["deployment_id", "generation"], unique=False)

    op.create_table(
        "signal",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("deployment_id", sa.String(), nullable=False),
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("shard", sa.Integer(), nullable=False),
        sa.Column("instrument", sa.String(), nullable=False),
        sa.Column("trigger", sa.String(), nullable=False),
        sa.Column("trigger_open_ms", sa.BigInteger(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("price", Money(), nullable=False),
        sa.Column("stop_loss", Money(), nullable=True),
        sa.Column("take_profit", Money(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("refusal", sa.String(), nullable=True),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("published_ms", sa.BigInteger(), nullable=False),
        sa.Column("decided_ms", sa.BigInteger(), nullable=False),
        sa.Column("accepted_ms", sa.BigInteger(), nullable=False),
        sa.Column("planned_ms", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("kind IN ('entry','exit')", name=op.f("ck_signal_kind_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signal")),
        sa.UniqueConstraint(
            "deployment_id",
            "instrument",
            "trigger",
            "kind",
            name=op.f("uq_signal_deployment_id_instrument_trigger_kind"),
        ),
    )
    with op.batch_alter_table("signal", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_signal_deployment_id"), ["deployment_id"], unique=False
        )
        batch_op.create_index("ix_signal_state", ["shard", "state"], unique=False)

    op.create_table(
        "skip",
        sa.Column("signal_id", sa.String(), nullable=False),
        sa.Column("subscription_id", sa.String(), nullable=False),
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("shard", sa.Integer(), nullable=False),
        sa.Column("instrument", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("signal_id", "subscription_id", name=op.f("pk_skip")),
    )
    op.create_table(
        "strategy",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_strategy")),
        sa.UniqueConstraint("tenant", "name", name=op.f("uq_strategy_tenant_name")),
    )
    with op.batch_alter_table("strategy", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_strategy_tenant"), ["tenant"], unique=False)

    op.create_table(
        "subscription_version",
        sa.Column("subscription_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("changed_ms", sa.BigInteger(), nullable=False),
        sa.Column("changed_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("subscription_id", "version", name=op.f("pk_subscription_version")),
    )
    op.create_table(
        "trade",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("subscription_id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("deployment_id", sa.String(), nullable=False),
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("shard", sa.Integer(), nullable=False),
        sa.Column("instrument", sa.String(), nullable=False),
        sa.Column("margin_currency", sa.String(), nullable=False),
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("venue", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("position_generation", sa.Integer(), nullable=False),
        sa.Column("entry_intent_id", sa.String(), nullable=False),
        sa.Column("entry_signal_id", sa.String(), nullable=True),
        sa.Column("entry_trigger_ms", sa.BigInteger(), nullable=False),
        sa.Column("exit_signal_id", sa.String(), nullable=True),
        sa.Column("exit_reason", sa.String(), nullable=True),
        sa.Column("quantity", Money(), nullable=False),
        sa.Column("dust", Money(), nullable=False),
        sa.Column("dust_value", Money(), nullable=False),
        sa.Column("bought", Money(), nullable=False),
        sa.Column("sold", Money(), nullable=False),
        sa.Column("entry_value", Money(), nullable=False),
        sa.Column("exit_value", Money(), nullable=False),
        sa.Column("fees", Money(), nullable=False),
        sa.Column("pnl", Money(), nullable=True),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("stop_loss", Money(), nullable=True),
        sa.Column("take_profit", Money(), nullable=True),
        sa.Column("leverage", Money(), nullable=False),
        sa.Column("slippage", Money(), nullable=False),
        sa.Column("software_stop", sa.Boolean(), nullable=False),
        sa.Column("naked_since_ms", sa.BigInteger(), nullable=True),
        sa.Column("protect_attempts", sa.Integer(), nullable=False),
        sa.Column("retry_ms", sa.BigInteger(), nullable=False),
        sa.Column("opened_ms", sa.BigInteger(), nullable=False),
        sa.Column("closed_ms", sa.BigInteger(), nullable=True),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trade")),
        sa.UniqueConstraint("entry_intent_id", name=op.f("uq_trade_entry_intent_id")),
    )
    with op.batch_alter_table("trade", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_trade_account_id"), ["account_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_trade_deployment_id"), ["deployment_id"], unique=False)
        batch_op.create_index("ix_trade_shard", ["shard", "state"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_trade_subscription_id"), ["subscription_id"], unique=False
        )
        batch_op.create_index(
            "uq_trade_open",
            ["subscription_id", "instrument"],
            unique=True,
            sqlite_where=sa.text("state <> 'closed'"),
            postgresql_where=sa.text("state <> 'closed'"),
        )

    op.create_table(
        "user",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=False),
        sa.Column("must_change_password", sa.Boolean(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user")),
        sa.UniqueConstraint("email", name=op.f("uq_user_email")),
    )
    op.create_table(
        "orders",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("intent_id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("shard", sa.Integer(), nullable=False),
        sa.Column("instrument", sa.String(), nullable=False),
        sa.Column("margin_currency", sa.String(), nullable=False),
        sa.Column("venue", sa.String(), nullable=False),
        sa.Column("client_order_id", sa.String(), nullable=False),
        sa.Column("exchange_order_id", sa.String(), nullable=True),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("quantity", Money(), nullable=False),
        sa.Column("price", Money(), nullable=True),
        sa.Column("trigger_price", Money(), nullable=True),
        sa.Column("stop_loss", Money(), nullable=True),
        sa.Column("take_profit", Money(), nullable=True),
        sa.Column("leverage", Money(), nullable=False),
        sa.Column("closes", sa.Boolean(), nullable=False),
        sa.Column("filled", Money(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("body_sha256", sa.String(), nullable=False),
        sa.Column("signed_ms", sa.BigInteger(), nullable=False),
        sa.Column("acknowledged_ms", sa.BigInteger(), nullable=True),
        sa.Column("cancel_ms", sa.BigInteger(), nullable=True),
        sa.Column("done_ms", sa.BigInteger(), nullable=True),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["intent_id"], ["intent.id"], name=op.f("fk_orders_intent_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orders")),
        sa.UniqueConstraint(
            "account_id", "client_order_id", name=op.f("uq_orders_account_id_client_order_id")
        ),
    )
    with op.batch_alter_table("orders", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_orders_intent_id"), ["intent_id"], unique=False)
        batch_op.create_index("ix_orders_open", ["state", "shard"], unique=False)
        batch_op.create_index(
            "uq_orders_bound",
            ["account_id", "exchange_order_id"],
            unique=True,
            sqlite_where=sa.text("exchange_order_id IS NOT NULL"),
            postgresql_where=sa.text("exchange_order_id IS NOT NULL"),
        )

    op.create_table(
        "version",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("strategy_id", sa.String(), nullable=False),
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("code_sha256", sa.String(), nullable=False),
        sa.Column("manifest", sa.Text(), nullable=False),
        sa.Column("outline", sa.Text(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("report", sa.Text(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["strategy_id"], ["strategy.id"], name=op.f("fk_version_strategy_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_version")),
        sa.UniqueConstraint("strategy_id", "number", name=op.f("uq_version_strategy_id_number")),
    )
    with op.batch_alter_table("version", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_version_strategy_id"), ["strategy_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_version_tenant"), ["tenant"], unique=False)

    op.create_table(
        "deployment",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("shard", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("strategy_id", sa.String(), nullable=False),
        sa.Column("version_id", sa.String(), nullable=False),
        sa.Column("instrument", sa.String(), nullable=False),
        sa.Column("resolution", sa.String(), nullable=False),
        sa.Column("resolutions", sa.String(), nullable=False),
        sa.Column("ticks", sa.Boolean(), nullable=False),
        sa.Column("lookback", sa.Integer(), nullable=False),
        sa.Column("parameters", sa.Text(), nullable=False),
        sa.Column("memory_mb", sa.Integer(), nullable=False),
        sa.Column("cpus", sa.Float(), nullable=False),
        sa.Column("launcher", sa.String(), nullable=False),
        sa.Column("desired", sa.String(), nullable=False),
        sa.Column("observed", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("observed_ms", sa.BigInteger(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("active_generation", sa.Integer(), nullable=False),
        sa.Column("active_from", sa.String(), nullable=True),
        sa.Column("last_trigger", sa.String(), nullable=True),
        sa.Column("last_trigger_open_ms", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=True),
        sa.Column("position", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("restarts", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("counted_from_ms", sa.BigInteger(), nullable=False),
        sa.Column("retry_ms", sa.BigInteger(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["strategy_id"], ["strategy.id"], name=op.f("fk_deployment_strategy_id")
        ),
        sa.ForeignKeyConstraint(
            ["version_id"], ["version.id"], name=op.f("fk_deployment_version_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deployment")),
    )
    with op.batch_alter_table("deployment", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_deployment_instrument"), ["instrument"], unique=False)
        batch_op.create_index(batch_op.f("ix_deployment_shard"), ["shard"], unique=False)
        batch_op.create_index(batch_op.f("ix_deployment_tenant"), ["tenant"], unique=False)

    op.create_table(
        "fill",
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("exchange_fill_id", sa.String(), nullable=False),
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("intent_id", sa.String(), nullable=False),
        sa.Column("subscription_id", sa.String(), nullable=False),
        sa.Column("trade_id", sa.String(), nullable=True),
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("shard", sa.Integer(), nullable=False),
        sa.Column("instrument", sa.String(), nullable=False),
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("quantity", Money(), nullable=False),
        sa.Column("price", Money(), nullable=False),
        sa.Column("fee", Money(), nullable=False),
        sa.Column("fee_currency", sa.String(), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("recorded_ms", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "CAST(price AS DOUBLE PRECISION) > 0", name=op.f("ck_fill_price_positive")
        ),
        sa.CheckConstraint(
            "CAST(quantity AS DOUBLE PRECISION) > 0", name=op.f("ck_fill_quantity_positive")
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_fill_order_id")),
        sa.PrimaryKeyConstraint("account_id", "exchange_fill_id", name=op.f("pk_fill")),
    )
    with op.batch_alter_table("fill", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_fill_intent_id"), ["intent_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_fill_order_id"), ["order_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_fill_subscription_id"), ["subscription_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_fill_trade_id"), ["trade_id"], unique=False)

    op.create_table(
        "generation",
        sa.Column("deployment_id", sa.String(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("version_id", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("boot", sa.Text(), nullable=False),
        sa.Column("boot_sha256", sa.String(), nullable=False),
        sa.Column("password_sha256", sa.String(), nullable=False),
        sa.Column("container", sa.String(), nullable=True),
        sa.Column("image", sa.String(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("exit_code", sa.Integer(), nullable=True),
        sa.Column("crashed", sa.Boolean(), nullable=False),
        sa.Column("log_tail", sa.Text(), nullable=False),
        sa.Column("peak_memory_bytes", sa.BigInteger(), nullable=True),
        sa.Column("launched_ms", sa.BigInteger(), nullable=False),
        sa.Column("started_ms", sa.BigInteger(), nullable=True),
        sa.Column("ended_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["deployment_id"], ["deployment.id"], name=op.f("fk_generation_deployment_id")
        ),
        sa.PrimaryKeyConstraint("deployment_id", "generation", name=op.f("pk_generation")),
    )
    op.create_table(
        "subscription",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("shard", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("deployment_id", sa.String(), nullable=False),
        sa.Column("instrument", sa.String(), nullable=False),
        sa.Column("margin_currency", sa.String(), nullable=False),
        sa.Column("capital", Money(), nullable=False),
        sa.Column("capital_currency", sa.String(), nullable=False),
        sa.Column("risk", Money(), nullable=False),
        sa.Column("leverage", Money(), nullable=False),
        sa.Column("sizing", sa.String(), nullable=False),
        sa.Column("max_positions", sa.Integer(), nullable=False),
        sa.Column("max_daily_loss", Money(), nullable=True),
        sa.Column("max_notional", Money(), nullable=True),
        sa.Column("slippage", Money(), nullable=False),
        sa.Column("max_age_seconds", sa.Integer(), nullable=False),
        sa.Column("software_stop", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_subscription_account_id")
        ),
        sa.ForeignKeyConstraint(
            ["deployment_id"], ["deployment.id"], name=op.f("fk_subscription_deployment_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscription")),
    )
    with op.batch_alter_table("subscription", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_subscription_account_id"), ["account_id"], unique=False
        )
        batch_op.create_index("ix_subscription_active", ["deployment_id", "state"], unique=False)
        batch_op.create_index(batch_op.f("ix_subscription_tenant"), ["tenant"], unique=False)
        batch_op.create_index(
            "uq_subscription_deployment",
            ["account_id", "deployment_id"],
            unique=True,
            sqlite_where=sa.text("state <> 'cancelled'"),
            postgresql_where=sa.text("state <> 'cancelled'"),
        )
        batch_op.create_index(
            "uq_subscription_position",
            ["account_id", "instrument", "margin_currency"],
            unique=True,
            sqlite_where=sa.text("state <> 'cancelled' AND margin_currency <> ''"),
            postgresql_where=sa.text("state <> 'cancelled' AND margin_currency <> ''"),
        )


def downgrade() -> None:

    with op.batch_alter_table("subscription", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_subscription_position",
            sqlite_where=sa.text("state <> 'cancelled' AND margin_currency <> ''"),
            postgresql_where=sa.text("state <> 'cancelled' AND margin_currency <> ''"),
        )
        batch_op.drop_index(
            "uq_subscription_deployment",
            sqlite_where=sa.text("state <> 'cancelled'"),
            postgresql_where=sa.text("state <> 'cancelled'"),
        )
        batch_op.drop_index(batch_op.f("ix_subscription_tenant"))
        batch_op.drop_index("ix_subscription_active")
        batch_op.drop_index(batch_op.f("ix_subscription_account_id"))

    op.drop_table("subscription")
    op.drop_table("generation")
    with op.batch_alter_table("fill", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_fill_trade_id"))
        batch_op.drop_index(batch_op.f("ix_fill_subscription_id"))
        batch_op.drop_index(batch_op.f("ix_fill_order_id"))
        batch_op.drop_index(batch_op.f("ix_fill_intent_id"))

    op.drop_table("fill")
    with op.batch_alter_table("deployment", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_deployment_tenant"))
        batch_op.drop_index(batch_op.f("ix_deployment_shard"))
        batch_op.drop_index(batch_op.f("ix_deployment_instrument"))

    op.drop_table("deployment")
    with op.batch_alter_table("version", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_version_tenant"))
        batch_op.drop_index(batch_op.f("ix_version_strategy_id"))

    op.drop_table("version")
    with op.batch_alter_table("orders", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_orders_bound",
            sqlite_where=sa.text("exchange_order_id IS NOT NULL"),
            postgresql_where=sa.text("exchange_order_id IS NOT NULL"),
        )
        batch_op.drop_index("ix_orders_open")
        batch_op.drop_index(batch_op.f("ix_orders_intent_id"))

    op.drop_table("orders")
    op.drop_table("user")
    with op.batch_alter_table("trade", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_trade_open",
            sqlite_where=sa.text("state <> 'closed'"),
            postgresql_where=sa.text("state <> 'closed'"),
        )
        batch_op.drop_index(batch_op.f("ix_trade_subscription_id"))
        batch_op.drop_index("ix_trade_shard")
        batch_op.drop_index(batch_op.f("ix_trade_deployment_id"))
        batch_op.drop_index(batch_op.f("ix_trade_account_id"))

    op.drop_table("trade")
    op.drop_table("subscription_version")
    with op.batch_alter_table("strategy", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_strategy_tenant"))

    op.drop_table("strategy")
    op.drop_table("skip")
    with op.batch_alter_table("signal", schema=None) as batch_op:
        batch_op.drop_index("ix_signal_state")
        batch_op.drop_index(batch_op.f("ix_signal_deployment_id"))

    op.drop_table("signal")
    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.drop_index("ix_run_generation")

    op.drop_table("run")
    with op.batch_alter_table("plan", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_plan_deployment_id"))

    op.drop_table("plan")
    with op.batch_alter_table("paper_position", schema=None) as batch_op:
        batch_op.drop_index("ix_paper_position_instrument")

    op.drop_table("paper_position")
    with op.batch_alter_table("paper_order", schema=None) as batch_op:
        batch_op.drop_index("uq_paper_order_client")
        batch_op.drop_index(
            "ix_paper_order_live",
            sqlite_where=sa.text("state IN ('untriggered','open','partial')"),
            postgresql_where=sa.text("state IN ('untriggered','open','partial')"),
        )
        batch_op.drop_index(batch_op.f("ix_paper_order_account"))

    op.drop_table("paper_order")
    with op.batch_alter_table("paper_fill", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_paper_fill_order_id"))

    op.drop_table("paper_fill")
    op.drop_table("paper_balance")
    op.drop_table("paper_account")
    with op.batch_alter_table("metric", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_metric_deployment_id"))

    op.drop_table("metric")
    with op.batch_alter_table("market_want", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_market_want_wanted_by"))

    op.drop_table("market_want")
    op.drop_table("market_time")
    with op.batch_alter_table("log_line", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_log_line_deployment_id"))

    op.drop_table("log_line")
    with op.batch_alter_table("ledger", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_ledger_trade_id"))
        batch_op.drop_index(batch_op.f("ix_ledger_subscription_id"))
        batch_op.drop_index(batch_op.f("ix_ledger_account_id"))

    op.drop_table("ledger")
    op.drop_table("lease_member")
    op.drop_table("lease")
    with op.batch_alter_table("intent", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_intent_in_doubt",
            sqlite_where=sa.text("state IN ('SENDING','UNKNOWN')"),
            postgresql_where=sa.text("state IN ('SENDING','UNKNOWN')"),
        )
        batch_op.drop_index(
            "uq_intent_exit",
            sqlite_where=sa.text(
                "leg = 'exit' AND state NOT IN ('DENIED','FILLED','CANCELLED','REJECTED','EXPIRED','ABANDONED','QUARANTINED')"
            ),
            postgresql_where=sa.text(
                "leg = 'exit' AND state NOT IN ('DENIED','FILLED','CANCELLED','REJECTED','EXPIRED','ABANDONED','QUARANTINED')"
            ),
        )
        batch_op.drop_index("ix_intent_work")
        batch_op.drop_index(
            "ix_intent_trade",
            sqlite_where=sa.text("trade_id IS NOT NULL"),
            postgresql_where=sa.text("trade_id IS NOT NULL"),
        )
        batch_op.drop_index("ix_intent_subscription")

    op.drop_table("intent")
    op.drop_table("instrument")
    op.drop_table("inbox")
    op.drop_table("halt")
    op.drop_table("fill_cursor")
    op.drop_table("exposure_owner")
    op.drop_table("execution_repeat")
    op.drop_table("execution")
    with op.batch_alter_table("event", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_event_subject_id"))
        batch_op.drop_index(batch_op.f("ix_event_kind"))

    op.drop_table("event")
    with op.batch_alter_table("dead_letter", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_dead_letter_deployment_id"))

    op.drop_table("dead_letter")
    with op.batch_alter_table("command", schema=None) as batch_op:
        batch_op.drop_index("ix_command_open")

    op.drop_table("command")
    op.drop_table("candle")
    op.drop_table("budget")
    with op.batch_alter_table("account", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_account_tenant"))

    op.drop_table("account")
