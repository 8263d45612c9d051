"""Composes what the slices' own reads return into one picture."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Row

from control_plane.core.clock import Clock, from_ms, ms
from control_plane.core.ids import InstrumentId, StrategyId, Tenant
from control_plane.dashboard.models import (
    Counts,
    Lack,
    OrderLine,
    Picture,
    Profit,
    Ship,
    SignalLine,
    TradeLine,
    sailing,
)
from control_plane.deployments import service as deployments
from control_plane.deployments.models.status import Status
from control_plane.infra import wall
from control_plane.infra.db import Database, Tx
from control_plane.infra.health import Health
from control_plane.market import service as market
from control_plane.orders.models.trades import Tally
from control_plane.orders.service import reading as orders
from control_plane.orders.service.losses import tally_of
from control_plane.signals.models.stored import StoredSignal
from control_plane.signals.service import reading as signals
from control_plane.strategies import service as strategies
from strategy_runtime.rules.money import MONEY

LINES = 12
FRESH_SECONDS = 0.5

Prices = Callable[[Sequence[InstrumentId]], Awaitable[Mapping[InstrumentId, Decimal]]]


@dataclass
class Dashboard:
    """However many look, the tables are read twice a second at most."""

    db: Database
    clock: Clock
    health: Health
    prices: Prices
    version: str
    _seen: Picture | None = field(default=None, repr=False)
    _seen_at: float = float("-inf")

    async def picture(self) -> Picture:
        now = self.clock.monotonic()
        if self._seen is None or now - self._seen_at >= FRESH_SECONDS:
            self._seen = await self._drawn()
            self._seen_at = now
        return self._seen

    async def _drawn(self) -> Picture:
        lacks = [*await self.health.missing(), *await self.health.alarmed()]
        missing = tuple(Lack(one.part, one.what) for one in lacks)
        with wall.acting_for(wall.EVERYBODY):
            picture, trades = await self.db.read(_draw, self.clock.now(), self.version, missing)
        is_open = sorted({InstrumentId(row.instrument) for row in trades if row.pnl is None})
        prices = await self.prices(is_open)
        names = {ship.id: ship.name for ship in picture.deployments}
        return replace(picture, trades=tuple(_trade(row, names, prices) for row in trades))


def _draw(
    tx: Tx, now: datetime, version: str, missing: tuple[Lack, ...]
) -> tuple[Picture, Sequence[Row[Any]]]:
    """All but the trades, which want the prices of this moment."""
    ships = _ships(tx)
    names = {ship.id: ship.name for ship in ships}
    order_count, trade_count = orders.counts(tx)
    time = market.market_time(tx)
    picture = Picture(
        at=now,
        version=version,
        market_at=from_ms(time.at(ms(now))),
        speed=time.speed,
        counts=Counts(
            deployments=len(ships),
            running=sailing(ships),
            signals=sum(signals.signal_counts(tx).values()),
            orders=order_count,
            trades=trade_count,
        ),
        totals=tuple(Profit(currency, pnl) for currency, pnl in orders.profits(tx).items()),
        missing=missing,
        deployments=ships,
        signals=tuple(_signal(one, names) for one in signals.signals(tx, limit=LINES)),
        orders=tuple(_order(row) for row in orders.newest_orders(tx, LINES)),
        trades=(),
    )
    return picture, orders.newest_trades(tx, LINES)


def _ships(tx: Tx) -> tuple[Ship, ...]:
    found = deployments.listed(tx)
    names: dict[StrategyId, str] = {}
    for tenant in sorted({Tenant(one.tenant) for one in found}):
        names |= strategies.names(tx, tenant)
    return tuple(_ship(one, names) for one in found)


def _ship(one: Status, names: Mapping[StrategyId, str]) -> Ship:
    return Ship(
        id=one.id,
        name=one.name,
        strategy=names.get(one.strategy_id, ""),
        instrument=one.instrument,
        resolution=one.resolution,
        desired=one.desired,
        observed=one.observed,
        reason=one.reason,
        generation=one.generation,
        restarts=one.restarts,
        launcher=one.launcher,
        lag_ms=one.lag_ms if one.beat_ms is not None else None,
        memory_bytes=one.rss_bytes,
        memory_limit_mb=one.memory_mb,
    )


def _signal(one: StoredSignal, names: Mapping[str, str]) -> SignalLine:
    return SignalLine(
        id=one.id,
        accepted_at=from_ms(one.accepted_ms),
        deployment=names.get(one.deployment, one.deployment),
        instrument=one.instrument,
        action=one.action,
        price=one.price,
        state=one.state,
        refusal=one.refusal,
    )


def _order(row: Row[Any]) -> OrderLine:
    return OrderLine(
        id=row.id,
        sent_at=from_ms(row.signed_ms),
        instrument=row.instrument,
        side=row.side,
        kind=row.kind,
        quantity=row.quantity,
        filled=row.filled,
        price=row.price,
        trigger_price=row.trigger_price,
        state=row.state,
        reason=row.reason,
    )


def _trade(
    row: Row[Any], names: Mapping[str, str], prices: Mapping[InstrumentId, Decimal]
) -> TradeLine:
    tally = tally_of(row)
    price = prices.get(InstrumentId(row.instrument))
    return TradeLine(
        id=row.id,
        opened_at=from_ms(row.opened_ms),
        closed_at=None if row.closed_ms is None else from_ms(row.closed_ms),
        deployment=names.get(row.deployment_id, row.deployment_id),
        instrument=row.instrument,
        side=row.side,
        quantity=tally.entered,
        entry_price=tally.entry_price if tally.entered else None,
        exit_price=MONEY.divide(tally.exit_value, tally.exited) if tally.exited else None,
        pnl=row.pnl if row.pnl is not None or price is None else _now_worth(tally, price),
        currency=row.currency,
        state=row.state,
    )


def _now_worth(tally: Tally, price: Decimal) -> Decimal:
    return tally.realised + tally.unrealised(price)
