"""From an accepted signal to intents and skips, in one transaction.

What has to be asked of a venue is asked before it; what could have changed meanwhile is read again
inside. A signal is planned once: whoever comes second finds it planned.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from loguru import logger

from control_plane.accounts import service as accounts
from control_plane.accounts.models import Place
from control_plane.brokers.errors import VenueUnreachable
from control_plane.core.ids import (
    AccountId,
    InstrumentId,
    IntentId,
    SubscriptionId,
    TradeId,
    trade_id,
)
from control_plane.deployments import service as deployments
from control_plane.errors import SlipwayError, Unavailable
from control_plane.infra import audit
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
from strategy_runtime.rules.instruments import Instrument
from strategy_runtime.rules.money import MONEY, canonical

PAGE = 1_000  # rows between two fail points


@dataclass(frozen=True)
class Market:
    """Prices as they stood when the plan was made."""

    instrument: Instrument
    quote: Quote | None
    quoted: Sequence[tuple[Instrument, Quote]]


Places = Mapping[AccountId, Place]
Free = Mapping[tuple[AccountId, str], Decimal]


@dataclass(frozen=True)
class Planner:
    desk: Desk

    async def once(self) -> int:
        """Plan what is accepted; how many signals it was."""
        waiting = await self.desk.db.read(signals.accepted, self.desk.owned())
        for signal in waiting:
            if self.desk.leases.is_trusted(signal.shard):
                await self.desk.isolation.run("signal", signal.id, self._plan_or_refuse, signal)
        return len(waiting)

    async def _plan_or_refuse(self, signal: StoredSignal) -> None:
        """What cannot be planned at all must not keep the others waiting."""
        try:
            await self._plan(signal)
        except Unavailable:
            raise
        except SlipwayError as error:
            logger.warning("signal_refused", signal=signal.id, reason=str(error))
            await self.desk.db.write(signals.mark_refused, signal.id, error.what)

    async def _plan(self, signal: StoredSignal) -> None:
        desk = self.desk
        started = desk.clock.monotonic()
        seen, places = await desk.db.read(self._look_around, signal)
        free: Free = {}
        if signal.kind == "entry":
            free = await self._free(places, wallet_of(seen.instrument))
        await desk.failpoints.hit("risk.before_commit")
        plan = await desk.db.write(self._commit, signal, seen, places, free, started)
        if plan is not None:
            logger.info(
                "signal_planned",
                signal=signal.id,
                intents=len(plan.intents),
                skips=len(plan.skips),
                ms=round((desk.clock.monotonic() - started) * 1000, 1),
            )

    def _look_around(self, tx: Tx, signal: StoredSignal) -> tuple[Market, Places]:
        instrument = market.instrument(tx, signal.instrument)
        quoted = self.desk.quoted(tx)
        following = subscriptions.following(tx, signal.deployment, signal.accepted_ms)
        places = accounts.places(tx, following)
        return Market(instrument, self.desk.quote(signal.instrument), quoted), places

    async def _free(self, places: Places, wallet: str) -> Free:
        """What each account can still use, as its venue says. An exchange keeps money for futures
        apart; on paper there is one wallet for all.
        """
        by_venue: dict[str, list[AccountId]] = {}
        for account, place in places.items():
            by_venue.setdefault(place.venue, []).append(account)
        free: dict[tuple[AccountId, str], Decimal] = {}
        for venue, members in sorted(by_venue.items()):
            broker = self.desk.brokers.get(venue)
            if broker is None:
                continue
            try:
                found = await broker.balances(sorted(members))
            except VenueUnreachable as error:
                # Its accounts skip this entry; exits behind it in the queue do not wait for it.
                logger.warning("balances_not_read", venue=venue, reason=str(error))
                continue
            for member, held in found.items():
                for balance in held:
                    if balance.wallet in ("paper", wallet):
                        free[member, balance.currency] = balance.free
        return free

    # ---- the transaction -------------------------------------------------------------------------

    def _commit(
        self,
        tx: Tx,
        signal: StoredSignal,
        seen: Market,
        places: Places,
        free: Free,
        started: float,
    ) -> Plan | None:
        if not signals.mark_planned(tx, signal.id):
            return None
        now = tx.now_ms()
        holdings = self._holdings(tx, signal, seen.instrument)
        members = self._members(tx, signal, places, holdings)
        scene = self._scene(tx, signal, seen, free, holdings, members, now)
        plan = planning.plan(scene, members)
        self._write(tx, signal, plan, seen.instrument, now, started)
        return plan

    def _holdings(
        self, tx: Tx, signal: StoredSignal, instrument: Instrument
    ) -> dict[SubscriptionId, Holding]:
        """For each subscription its open trade, or the entry under way that may become one."""
        leaving = intents.live_exits(tx, signal.deployment)
        found: dict[TradeId, tuple[SubscriptionId, Holding]] = {}
        for row in intents.live_entries(tx, signal.deployment):
            trade = trade_id(row.id)
            found[trade] = (row.subscription_id, _entering(row, trade, trade in leaving))
        for row in trades.open_of_deployment(tx, signal.deployment):
            is_leaving = row.state == "exiting" or row.id in leaving
            found[row.id] = (row.subscription_id, _held(row, instrument, is_leaving))

        # Of a position that is left and an entry that waits for it, the one that stays counts.
        return dict(sorted(found.values(), key=_weight))

    def _members(
        self,
        tx: Tx,
        signal: StoredSignal,
        places: Places,
        holdings: Mapping[SubscriptionId, Holding],
    ) -> list[Subscriber]:
        """Whoever is active at the signal's commit; an exit also reaches whoever still holds."""
        following = subscriptions.active(tx, signal.deployment, signal.accepted_ms)
        if signal.kind == "exit":
            missing = holdings.keys() - {one.id for one in following}
            following = [*following, *subscriptions.by_ids(tx, missing)]
        unknown = {one.account_id for one in following} - places.keys()
        known = {**places, **accounts.places(tx, unknown)}
        return [Subscriber(one, *known[one.account_id]) for one in following]

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
        feed = market.feed_of(tx, seen.instrument.id) or ""
        common: dict[str, Any] = {
            "signal": signal_of(signal),
            "instrument": seen.instrument,
            "feed": feed,
            "lag": market.lag_of(tx, seen.instrument.id),
            "quote": seen.quote,
            "now_ms": now,
            "price_stale_ms": int(settings.price_stale_seconds * 1000),
            "rate_stale_ms": int(settings.rate_stale_seconds * 1000),
            "holdings": holdings,
        }
        if signal.kind == "exit":
            return Scene(**common)
        limited = [m.terms.id for m in members if m.terms.max_daily_loss is not None]
        is_future = seen.instrument.is_futures
        return Scene(
            **common,
            rates=_rates(seen, members) | _pegs(tx, seen.instrument, feed),
            halts=halts.active(tx),
            free=free,
            losses=lost_today(tx, self.desk, limited, seen.instrument) if limited else {},
            owners=_owners(tx, members) if is_future else {},
            leverage_ceiling=_ceiling(tx, signal) if is_future else None,
            capacities=self.desk.capacities,
            waiting=self._waiting(tx, members),
        )

    def _waiting(self, tx: Tx, members: Sequence[Subscriber]) -> Mapping[str, int]:
        """Entries of earlier signals that have not left, by address: these go first."""
        waiting: Counter[str] = Counter()
        limited = {member.venue for member in members} & self.desk.capacities.keys()
        for venue in sorted(limited):
            address_of = self.desk.capacities[venue].address_of
            for account, count in intents.waiting_entries(tx, venue):
                waiting[address_of(account)] += count
        return waiting

    def _write(
        self,
        tx: Tx,
        signal: StoredSignal,
        plan: Plan,
        instrument: Instrument,
        now: int,
        started: float,
    ) -> None:
        rows = intent_rows(plan.intents, signal, instrument, now)
        for start in range(0, len(rows), PAGE):
            intents.add_planned(tx, PLANNED, rows[start : start + PAGE])
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
        chain = f"orders:{signal.shard}"
        audit.record(
            tx, "signal_planned", "signal", signal.id, tenant=signal.tenant, chain=chain, **counted
        )
        intents.tell_planned(tx, signal.id, now)
        self.desk.wake(tx)


def wallet_of(instrument: Instrument) -> str:
    return "futures" if instrument.is_futures else "spot"


def signal_of(stored: StoredSignal) -> Signal:
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


def _entering(row: Any, trade: TradeId, is_leaving: bool) -> Holding:
    return Holding(
        side="LONG" if row.side == "buy" else "SHORT",
        entry_trigger_ms=row.trigger_ms,
        quantity=row.quantity,
        trade=trade,
        entry=IntentId(row.id),
        is_leaving=is_leaving,
    )


def _held(row: Any, instrument: Instrument, is_leaving: bool) -> Holding:
    return Holding(
        side=row.side,
        entry_trigger_ms=row.entry_trigger_ms,
        quantity=row.quantity,
        trade=TradeId(row.id),
        entry=IntentId(row.entry_intent_id),
        is_leaving=is_leaving,
        margin=_margin(row, instrument),
    )


def _weight(found: tuple[SubscriptionId, Holding]) -> tuple[bool, int]:
    """The last of these is the one that counts."""
    return not found[1].is_leaving, found[1].entry_trigger_ms


def _margin(row: Any, instrument: Instrument) -> Decimal:
    """What closing a futures position frees, before its gain or loss."""
    if not instrument.is_futures:
        return Decimal(0)
    tally = Tally(row.side, row.entered, row.exited, row.entry_value, row.exit_value, row.fees)
    return MONEY.divide(MONEY.multiply(tally.held, tally.entry_price), row.leverage)


def _ceiling(tx: Tx, signal: StoredSignal) -> Decimal | None:
    """How far its author lets anybody lever what this deployment enters."""
    found = deployments.standings(tx, [signal.deployment]).get(signal.deployment)
    return None if found is None else found.max_leverage


def _owners(tx: Tx, members: Sequence[Subscriber]) -> dict[tuple[AccountId, str], SubscriptionId]:
    found = trades.owners(tx, [member.terms.account_id for member in members])
    return {(AccountId(a), key): SubscriptionId(owner) for (a, key), owner in found.items()}


def _rates(seen: Market, members: Sequence[Subscriber]) -> dict[tuple[str, str], Rate]:
    quote = seen.instrument.quote
    needed = {member.terms.capital_currency for member in members} | {quote}
    if seen.instrument.is_futures:
        needed |= {member.terms.margin_currency for member in members}
    found = {currency: prices.rate(currency, quote, seen.quoted) for currency in sorted(needed)}
    return {(currency, quote): rate for currency, rate in found.items() if rate is not None}


def _pegs(tx: Tx, instrument: Instrument, feed: str) -> dict[tuple[str, str], Rate]:
    """Margin in rupees is booked at the exchange's own price, not at the market's."""
    found = market.conversion(tx, instrument.quote, "INR") if instrument.is_futures else None
    if found is None or feed == market.SIMULATED:
        return {}
    return {("INR", instrument.quote): prices.pegged(*found, f"{feed} conversion")}


# fmt: off
PLANNED = (
    "signal_id", "deployment_id", "instrument", "gen", "trigger_ms", "filled", "state",
    "attempt", "number", "retry_ms", "looks", "epoch", "version", "planned_ms", "id",
    "subscription_id", "account_id", "tenant", "shard", "margin_currency", "venue", "leg",
    "trade_id", "waits_for", "side", "kind", "quantity", "limit_price", "stop_loss",
    "take_profit", "leverage", "slippage", "expires_ms", "rank", "explain",
)
# fmt: on


def intent_rows(
    intended: Sequence[Intended], signal: StoredSignal, instrument: Instrument, now: int
) -> list[tuple[Any, ...]]:
    """In the order of `PLANNED`: what all have in common, then what is each one's own. Amounts as
    canonical text, which is how either driver sends them fastest.
    """
    is_future = instrument.is_futures
    alike = (signal.id, signal.deployment, instrument.id, 0, signal.trigger_open_ms, "0")
    zeros = (0, 0, 0, 0, 0, 0, now)
    texts: dict[int, str | None] = {}

    def text(value: Decimal | None) -> str | None:
        """Once for each of those that many have in common."""
        found = texts.get(id(value))
        if found is None and value is not None:
            found = texts[id(value)] = canonical(value)
        return found

    rows: list[tuple[Any, ...]] = []
    for one in intended:
        terms = one.subscriber.terms
        is_ready = one.leg == "entry" and one.waits_for is None
        rows.append(
            (
                *alike,
                "READY" if is_ready else "PLANNED",
                *zeros,
                one.id,
                terms.id,
                terms.account_id,
                terms.tenant,
                terms.shard,
                terms.margin_currency if is_future else "",
                one.subscriber.venue,
                one.leg,
                one.trade,
                one.waits_for,
                one.side,
                one.kind,
                canonical(one.quantity),
                text(one.limit_price),
                text(one.stop_loss),
                text(one.take_profit),
                text(one.leverage),
                canonical(terms.slippage),
                one.expires_ms,
                one.rank,
                canonical_json(one.explain),
            )
        )
    return rows


def _skip_row(one: Skipped, signal: StoredSignal, now: int) -> dict[str, Any]:
    return {
        "signal_id": signal.id,
        "subscription_id": one.subscriber.terms.id,
        "tenant": one.subscriber.terms.tenant,
        "shard": one.subscriber.terms.shard,
        "instrument": InstrumentId(signal.instrument),
        "reason": one.reason,
        "detail": canonical_json(one.detail),
        "at_ms": now,
    }
