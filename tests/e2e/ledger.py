"""Reads an installation's SQLite file as a judge: what must hold whatever happened to the process."""

import sqlite3
from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
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
            try:
                return connection.execute(query).fetchall()
            except sqlite3.OperationalError as error:
                assert "no such table" in str(error), error
                return []

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
            "SELECT deployment_id, trigger_open_ms FROM execution ORDER BY trigger_open_ms"
        ):
            triggers[deployment].append(opened)
        for deployment, opens in triggers.items():
            step = DURATION_MS[resolutions[deployment]]
            gaps = [
                (earlier, later)
                for earlier, later in zip(opens, opens[1:], strict=False)
                if later - earlier != step
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
            " WHERE number = 0 AND exchange_order_id IS NOT NULL GROUP BY intent_id HAVING count(*) > 1"
        )
        assert not doubled, doubled[:5]

    def fills_make_the_trades(self) -> None:
        """What was bought and sold, and the fills that say so, are the same to the last digit."""
        sums: dict[str, list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
        for trade, side, quantity in self.rows("SELECT trade_id, side, quantity FROM fill"):
            sums[trade][side == "sell"] += Decimal(quantity)
        for trade, bought, sold in self.rows("SELECT id, bought, sold FROM trade"):
            assert [Decimal(bought), Decimal(sold)] == sums[trade], trade
