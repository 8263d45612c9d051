"""What people ask of orders and positions: carried out by whoever owns the shard, each safe to
repeat.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from control_plane.core.ids import IntentId, Rng, Shard, Tenant, TradeId
from control_plane.infra import audit
from control_plane.infra.bus import Bus
from control_plane.infra.commands import Handler, ask
from control_plane.infra.db import Database, Tx
from control_plane.market import service as market
from control_plane.orders.errors import NoSuchIntent, NoSuchTrade, NotQuarantined
from control_plane.orders.service import changes
from control_plane.orders.service.desk import Desk
from control_plane.orders.store import intents, lists, trades


@dataclass(frozen=True)
class Hands:
    """The asking side, in the api role."""

    db: Database
    bus: Bus
    rng: Rng

    async def close_trade(self, tenant: Tenant, trade: TradeId) -> str:
        """A command that leads out of a position; its answer comes later."""
        return await self.db.write(self._ask_close, tenant, trade)

    async def resolve(self, intent: IntentId, exchange_order_id: str | None, by: str) -> str:
        return await self.db.write(self._ask_resolve, intent, exchange_order_id, by)

    def _ask_close(self, tx: Tx, tenant: Tenant, trade: TradeId) -> str:
        row = lists.trade_of(tx, tenant, trade)
        if row is None:
            raise NoSuchTrade(
                f"There is no trade {trade!r}.",
                field="trade_id",
                remedy="GET /api/v1/trades lists yours.",
            )
        return ask(
            tx, self.bus, self.rng, "trading", Shard(row.shard), "close_trade", {"trade": trade}
        )

    def _ask_resolve(self, tx: Tx, intent: IntentId, exchange_order_id: str | None, by: str) -> str:
        row = intents.find(tx, intent)
        if row is None:
            raise NoSuchIntent(f"There is no intent {intent!r}.", field="intent_id")
        if row.state != "QUARANTINED":
            raise NotQuarantined(
                f"{intent} is {row.state}: nobody has to decide about it.", field="intent_id"
            )
        body = {"intent": intent, "exchange_order_id": exchange_order_id, "by": by}
        return ask(tx, self.bus, self.rng, "trading", Shard(row.shard), "resolve", body)


@dataclass(frozen=True)
class ByHand:
    """The side that carries it out."""

    desk: Desk

    @property
    def handlers(self) -> Mapping[str, Handler]:
        return {
            "close_trade": self.close_trade,
            "resolve": self.resolve,
        }

    async def close_trade(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"closing": await self.desk.db.write(self._close, TradeId(body["trade"]))}

    async def resolve(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"state": await self.desk.db.write(self._resolve, body)}

    # ---- transactions ----------------------------------------------------------------------------

    def _close(self, tx: Tx, identity: TradeId) -> bool:
        trade = trades.find(tx, identity)
        if trade is None:
            raise NoSuchTrade(f"There is no trade {identity!r}.", field="trade_id")
        instrument = market.instrument(tx, trade.instrument)
        return changes.begin_exit(tx, self.desk, trade, "hand", instrument)

    def _resolve(self, tx: Tx, body: Mapping[str, Any]) -> str:
        """The order that a person saw is followed like any other; none means that none was made."""
        row = intents.find(tx, body["intent"])
        if row is None:
            raise NoSuchIntent(f"There is no intent {body['intent']!r}.", field="intent_id")
        if row.state != "QUARANTINED":
            return str(row.state)
        name = body["exchange_order_id"]
        order = intents.last_order(tx, row.id)
        state = changes.move(
            tx,
            self.desk,
            row,
            order,
            "absent_by_hand" if name is None else "found_by_hand",
            exchange_order_id=name,
            reason=f"{body['by']} looked",
        )
        told = {"by": body["by"], "exchange_order_id": name, "state": state}
        audit.record(tx, "quarantine_resolved", "intent", row.id, tenant=row.tenant, **told)
        self.desk.wake(tx)
        return str(state)
