"""From an accepted signal to intents and skips, in one transaction.

What has to be asked of a venue is asked before it; what could have changed meanwhile is read again
inside. A signal is planned once: whoever comes second finds it planned.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from loguru import logger

from control_plane.accounts import service as accounts
from control_plane.accounts.models import Account
from control_plane.core.ids import (
    AccountId,
    InstrumentId,
    IntentId,
    SubscriptionId,
    Tenant,
    TradeId,
    trade_id,
)
from control_plane.infra import events
from control_plane.infra.db import Tx
from control_plane.infra.events import canonical_json
from control_plane.market import service as market
from control_plane.orders.models import planning, prices
from control_plane.orders.models.planning import (
    Holding,
    Intended,
    Plan,
    Scene,
    Signal,
    Skipped,
    Subscriber,
)
from control_plane.orders.models.prices import Quote, Rate
from control_plane.orders.models.trades import Tally
from control_plane.orders.service.desk import Desk
from control_plane.orders.service.losses import lost_today
from control_plane.orders.store import halts, intents, trades
from control_plane.signals.models.stored import StoredSignal
from control_plane.signals.service import reading as signals
from control_plane.subscriptions import service as subscriptions
from control_plane.subscriptions.models import Subscription
from strategy_runtime.rules.instruments import Instrument
from strategy_runtime.rules.money import MONEY

PAGE = 1_000  # rows between two fail points


@dataclass(frozen=True)
class Market:
    """Prices as they stood when the plan was made."""

    instrument: Instrument
    quote: Quote | None
    quoted: Sequence[tuple[Instrument, Quote]]


Free = Mapping[tuple[AccountId, str], Decimal]


@dataclass(frozen=True)
class Planner:
    desk: Desk

    async def once(self) -> int:
        """Plan what is accepted; how many signals it was."""
        waiting = await self.desk.db.read(signals.accepted, self.desk.owned())
        for signal in waiting:
            if self.desk.leases.is_trusted(signal.shard):
                await self._plan(signal)
        return len(waiting)

    async def _plan(self, signal: StoredSignal) -> None:
        desk = self.desk
        started = desk.clock.monotonic()
        seen, standing = await desk.db.read(self._look_around, signal)
        free: Free = await self._free(standing) if signal.kind == "entry" else {}
        await desk.failpoints.hit("risk.before_commit")
        plan = await desk.db.write(self._commit, signal, seen, free, started)
        if plan is not None:
            logger.info(
                "signal_planned",
                signal=signal.id,
                intents=len(plan.intents),
                skips=len(plan.skips),
                ms=round((desk.clock.monotonic() - started) * 1000, 1),
            )

    def _look_around(
        self, tx: Tx, signal: StoredSignal
    ) -> tuple[Market, Mapping[AccountId, Account]]:
        instrument = market.instrument(tx, signal.instrument)
        quoted = [
            (listed, quote)
            for listed in market.instruments(tx)
            if (quote := self.desk.quote(listed.id)) is not None
        ]
        following = subscriptions.active(tx, signal.deployment, signal.accepted_ms)
        standing = accounts.standing(tx, {one.account_id for one in following})
        return Market(instrument, self.desk.quote(signal.instrument), quoted), standing

    async def _free(self, standing: Mapping[AccountId, Account]) -> Free:
        """What each account can still use, as its venue says."""
        by_venue: dict[str, list[AccountId]] = {}
        for account in standing.values():
            by_venue.setdefault(account.venue, []).append(account.id)
        free: dict[tuple[AccountId, str], Decimal] = {}
        for venue, members in sorted(by_venue.items()):
            broker = self.desk.brokers.get(venue)
            if broker is None:
                continue
            for member, held in (await broker.balances(sorted(members))).items():
                for balance in held:
                    free[member, balance.currency] = balance.free
        return free

    # ---- the transaction -------------------------------------------------------------------------

    def _commit(
        self, tx: Tx, signal: StoredSignal, seen: Market, free: Free, started: float
    ) -> Plan | None:
        if not signals.mark_planned(tx, signal.id):
            return None
        now = tx.now_ms()
        holdings = self._holdings(tx, signal, seen.instrument)
        members = self._members(tx, signal, holdings)
        scene = self._scene(tx, signal, seen, free, holdings, members, now)
        plan = planning.plan(scene, members)
        self._write(tx, signal, plan, seen.instrument, now, started)
        return plan

    def _holdings(
        self, tx: Tx, signal: StoredSignal, instrument: Instrument
    ) -> dict[SubscriptionId, Holding]:
        """Open trades, and entries under way that may become one."""
        leaving = intents.live_exits(tx, signal.deployment)
        found: dict[SubscriptionId, Holding] = {}
        for row in intents.live_entries(tx, signal.deployment):
            trade = trade_id(row.id)
            found[SubscriptionId(row.subscription_id)] = Holding(
                side="LONG" if row.side == "buy" else "SHORT",
                entry_trigger_ms=row.trigger_ms,
                quantity=row.quantity,
                trade=trade,
                entry=IntentId(row.id),
                is_leaving=trade in leaving,
            )
        for row in trades.open_of_deployment(tx, signal.deployment):
            found[SubscriptionId(row.subscription_id)] = Holding(
                side=row.side,
                entry_trigger_ms=row.entry_trigger_ms,
                quantity=row.quantity,
                trade=TradeId(row.id),
                entry=IntentId(row.entry_intent_id),
                is_leaving=row.state == "exiting" or row.id in leaving,
                margin=_margin(row, instrument),
            )
        return found

    def _members(
        self, tx: Tx, signal: StoredSignal, holdings: Mapping[SubscriptionId, Holding]
    ) -> list[Subscriber]:
        """Whoever is active at the signal's commit; an exit also reaches whoever still holds."""
        following = {one.id: one for one in self._following(tx, signal)}
        if signal.kind == "exit":
            missing = holdings.keys() - following.keys()
            following |= {one.id: one for one in subscriptions.by_ids(tx, missing)}
        standing = accounts.standing(tx, {one.account_id for one in following.values()})
        return [_subscriber(one, standing[one.account_id]) for one in following.values()]

    def _following(self, tx: Tx, signal: StoredSignal) -> Sequence[Subscription]:
        return subscriptions.active(tx, signal.deployment, signal.accepted_ms)

    def _scene(
        self,
        tx: Tx,
        signal: StoredSignal,
        seen: Market,
        free: Free,
        holdings: Mapping[SubscriptionId, Holding],
        members: Sequence[Subscriber],
        now: int,
    ) -> Scene:
        settings = self.desk.settings
        common: dict[str, Any] = {
            "signal": _signal(signal),
            "instrument": seen.instrument,
            "quote": seen.quote,
            "now_ms": now,
            "price_stale_ms": int(settings.price_stale_seconds * 1000),
            "rate_stale_ms": int(settings.rate_stale_seconds * 1000),
            "holdings": holdings,
        }
        if signal.kind == "exit":
            return Scene(**common)
        limited = [m.subscription for m in members if m.max_daily_loss is not None]
        is_future = seen.instrument.is_futures
        return Scene(
            **common,
            rates=_rates(seen, members),
            halts=halts.active(tx),
            free=free,
            losses=lost_today(tx, self.desk, limited, seen.instrument) if limited else {},
            owners=_owners(tx, members) if is_future else {},
        )

    def _write(
        self,
        tx: Tx,
        signal: StoredSignal,
        plan: Plan,
        instrument: Instrument,
        now: int,
        started: float,
    ) -> None:
        rows = [_intent_row(one, signal, instrument, now) for one in plan.intents]
        for start in range(0, len(rows), PAGE):
            intents.add_intents(tx, rows[start : start + PAGE])
            self.desk.failpoints.hit_inside("fanout.after_k_intents")
        intents.add_skips(tx, [_skip_row(one, signal, now) for one in plan.skips])
        took_us = round((self.desk.clock.monotonic() - started) * 1_000_000)
        intents.add_plan(
            tx,
            {
                "signal_id": signal.id,
                "deployment_id": signal.deployment,
                "shard": signal.shard,
                "seed": signal.seed,
                "shared": canonical_json(plan.shared),
                "intents": len(rows),
                "skips": len(plan.skips),
                "planned_ms": now,
                "took_us": took_us,
            },
        )
        counted = {"intents": len(rows), "skips": len(plan.skips), "seed": signal.seed}
        events.record(tx, "signal_planned", "signal", signal.id, tenant=signal.tenant, **counted)
        told = [(r["id"], r["tenant"], {"leg": r["leg"], "state": r["state"]}) for r in rows]
        events.record_many(tx, "intent_planned", "intent", told)
        self.desk.wake(tx)


def _signal(stored: StoredSignal) -> Signal:
    return Signal(
        id=stored.id,
        deployment=stored.deployment,
        instrument=stored.instrument,
        kind=stored.kind,
        side="LONG" if stored.action.endswith("LONG") else "SHORT",
        trigger_ms=stored.trigger_open_ms,
        price=stored.price,
        stop_loss=stored.stop_loss,
        take_profit=stored.take_profit,
        published_ms=stored.published_ms,
        seed=stored.seed,
    )


def _subscriber(one: Subscription, account: Account) -> Subscriber:
    return Subscriber(
        subscription=one.id,
        account=one.account_id,
        tenant=Tenant(one.tenant),
        shard=one.shard,
        venue=account.venue,
        is_active=one.state == "active",
        account_state=account.state,
        margin_currency=one.margin_currency,
        capital=one.capital,
        capital_currency=one.capital_currency,
        risk=one.risk,
        leverage=one.leverage,
        sizing=one.sizing,
        max_positions=one.max_positions,
        max_daily_loss=one.max_daily_loss,
        max_notional=one.max_notional,
        slippage=one.slippage,
        max_age_ms=one.max_age_seconds * 1000,
        software_stop=one.software_stop,
    )


def _margin(row: Any, instrument: Instrument) -> Decimal:
    """What closing a futures position frees, before its gain or loss."""
    if not instrument.is_futures:
        return Decimal(0)
    tally = Tally(row.side, row.bought, row.sold, row.entry_value, row.exit_value, row.fees)
    return MONEY.divide(MONEY.multiply(tally.held, tally.entry_price), row.leverage)


def _owners(tx: Tx, members: Sequence[Subscriber]) -> dict[tuple[AccountId, str], SubscriptionId]:
    found = trades.owners(tx, [member.account for member in members])
    return {(AccountId(a), key): SubscriptionId(owner) for (a, key), owner in found.items()}


def _rates(seen: Market, members: Sequence[Subscriber]) -> dict[tuple[str, str], Rate]:
    quote = seen.instrument.quote
    needed = {member.capital_currency for member in members} | {quote}
    if seen.instrument.is_futures:
        needed |= {member.margin_currency for member in members}
    found = {currency: prices.rate(currency, quote, seen.quoted) for currency in sorted(needed)}
    return {(currency, quote): rate for currency, rate in found.items() if rate is not None}


def _intent_row(
    one: Intended, signal: StoredSignal, instrument: Instrument, now: int
) -> dict[str, Any]:
    who = one.subscriber
    is_ready = one.leg == "entry" and one.waits_for is None
    return {
        "id": one.id,
        "signal_id": signal.id,
        "subscription_id": who.subscription,
        "account_id": who.account,
        "tenant": who.tenant,
        "shard": who.shard,
        "deployment_id": signal.deployment,
        "instrument": instrument.id,
        "margin_currency": who.margin_currency if instrument.is_futures else "",
        "venue": who.venue,
        "leg": one.leg,
        "gen": 0,
        "trade_id": one.trade,
        "waits_for": one.waits_for,
        "trigger_ms": signal.trigger_open_ms,
        "side": one.side,
        "kind": one.kind,
        "quantity": one.quantity,
        "filled": Decimal(0),
        "limit_price": one.limit_price,
        "stop_loss": one.stop_loss,
        "take_profit": one.take_profit,
        "leverage": one.leverage,
        "slippage": who.slippage,
        "state": "READY" if is_ready else "PLANNED",
        "attempt": 0,
        "number": 0,
        "retry_ms": 0,
        "looks": 0,
        "expires_ms": one.expires_ms,
        "rank": one.rank,
        "explain": canonical_json(one.explain),
        "epoch": 0,
        "version": 0,
        "planned_ms": now,
    }


def _skip_row(one: Skipped, signal: StoredSignal, now: int) -> dict[str, Any]:
    return {
        "signal_id": signal.id,
        "subscription_id": one.subscriber.subscription,
        "tenant": one.subscriber.tenant,
        "shard": one.subscriber.shard,
        "instrument": InstrumentId(signal.instrument),
        "reason": one.reason,
        "detail": canonical_json(one.detail),
        "at_ms": now,
    }
