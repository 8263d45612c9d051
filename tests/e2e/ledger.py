"""Reads an installation's SQLite file as a judge: what must hold whatever its process met."""

import sqlite3
from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

from strategy_runtime.wire.resolutions import DURATION_MS


@dataclass(frozen=True)
class Ledger:
    data_dir: Path

    def rows(self, query: str) -> list[Any]:
        path = self.data_dir / "slipway.db"
        if not path.exists():
            return []
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as connection:
            if not connection.execute(
                "SELECT 1 FROM sqlite_master WHERE name = 'trade'"
            ).fetchall():
                return []  # not migrated yet
            return connection.execute(query).fetchall()

    def count(self, table: str) -> int:
        found = self.rows(f'SELECT count(*) FROM "{table}"')
        return int(found[0][0]) if found else 0

    def check(self) -> None:
        """Every invariant that can be read from the tables alone."""
        self.no_trigger_is_missing()
        self.every_signal_is_planned_for_every_subscription()
        self.every_intent_has_at_most_one_live_order()
        self.fills_make_the_trades()

    def no_trigger_is_missing(self) -> None:
        resolutions = dict(self.rows("SELECT id, resolution FROM deployment"))
        triggers = defaultdict(list)
        for deployment, opened in self.rows(
            "SELECT deployment_id, trigger_open_ms FROM execution"
            " WHERE trigger NOT LIKE 'tick:%' ORDER BY trigger_open_ms"
        ):
            triggers[deployment].append(opened)
        for deployment, opens in triggers.items():
            step = DURATION_MS[resolutions[deployment]]
            gaps = [
                (earlier, later) for earlier, later in pairwise(opens) if later - earlier != step
            ]
            assert not gaps, (
                f"{deployment}: {len(gaps)} gaps among {len(opens)} triggers: {gaps[:3]}"
            )

    def every_signal_is_planned_for_every_subscription(self) -> None:
        """Exits are planned for those with a position, entries for all that were active."""
        missing = self.rows(
            "SELECT s.id, b.id FROM signal s"
            " JOIN subscription b ON b.deployment_id = s.deployment_id"
            " WHERE s.state = 'planned' AND s.kind = 'entry' AND b.created_ms < s.accepted_ms"
            " AND NOT EXISTS (SELECT 1 FROM intent i WHERE i.signal_id = s.id"
            "  AND i.subscription_id = b.id)"
            " AND NOT EXISTS (SELECT 1 FROM skip k WHERE k.signal_id = s.id"
            "  AND k.subscription_id = b.id)"
        )
        assert not missing, missing[:5]

    def every_intent_has_at_most_one_live_order(self) -> None:
        doubled = self.rows(
            "SELECT intent_id, count(*) FROM orders"
            " WHERE number = 0 AND exchange_order_id IS NOT NULL"
            " GROUP BY intent_id HAVING count(*) > 1"
        )
        assert not doubled, doubled[:5]

    def fills_make_the_trades(self) -> None:
        """What came in and went out of each trade is what its fills say, to the last digit. Dust of
        an earlier trade may come in as well.
        """
        sums: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
        for trade, side, quantity, fee, currency, instrument in self.rows(
            "SELECT trade_id, side, quantity, fee, fee_currency, instrument FROM fill"
        ):
            base = instrument.rpartition("-")[2].partition("_")[0]
            kept = Decimal(fee) if side == "buy" and currency == base else Decimal(0)
            sums[trade][side] += Decimal(quantity) - kept
        for trade, side, entered, exited in self.rows(
            "SELECT id, side, entered, exited FROM trade"
        ):
            came, went = ("buy", "sell") if side == "LONG" else ("sell", "buy")
            assert Decimal(exited) == sums[trade][went], trade
            assert Decimal(entered) >= sums[trade][came], trade
