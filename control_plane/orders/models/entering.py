"""What becomes of an entry in one account: every guard, and then how much. Guards refuse entries
only.
"""

from decimal import Decimal

from control_plane.core.ids import (
    intent_id,
)
from control_plane.orders.models import prices
from control_plane.orders.models.exiting import Exit
from control_plane.orders.models.halts import scopes_of
from control_plane.orders.models.prices import Rate
from control_plane.orders.models.scene import (
    Intended,
    Scene,
    Skipped,
    SkipReason,
    Subscriber,
    position_key,
)
from control_plane.orders.models.trades import opening_side
from control_plane.subscriptions.models import permits
from strategy_runtime.rules import sizing
from strategy_runtime.rules.money import MONEY, ZERO, canonical


class Entry:
    """Guards and size; whatever is the same for all is worked out once."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        signal, rules = scene.signal, scene.instrument
        self.side = opening_side(signal.side)
        self.stop = prices.on_tick(signal.side, "stop", signal.stop_loss, rules)
        self.target = prices.on_tick(signal.side, "target", signal.take_profit, rules)
        self.age = scene.now_ms - signal.published_ms
        self.market = self._market()
        self.limits: dict[Decimal, Decimal] = {}
        self.ahead = dict(scene.waiting)

    def decide(self, who: Subscriber, rank: int) -> Intended | Skipped:
        if self._turns(who):  # a way out, which nothing holds back
            return Exit(self.scene).leave(who, self.scene.holdings[who.terms.id], rank)
        refusal = self._guard(who)
        if refusal is not None:
            return refusal

        scene, terms = self.scene, who.terms
        ask = self._ask(who)
        if isinstance(ask, Skipped):
            return ask
        outcome = sizing.size(ask)
        record = {**sizing.own(ask), **sizing.result(outcome)}
        if isinstance(outcome, sizing.Skip):
            return Skipped(who, outcome.reason, record)

        stop = ask.stop
        if stop is None and scene.instrument.is_futures:
            stop = sizing.furthest_stop(
                scene.instrument, scene.signal.side, ask.entry, outcome.leverage
            )
        late = self._late(who)
        if late is not None:
            return late
        holding = scene.holdings.get(terms.id)
        return Intended(
            intent_id(scene.signal.id, terms.id, "entry", 0),
            who,
            "entry",
            self.side,
            "limit",
            outcome.quantity,
            rank,
            record,
            ask.entry,
            stop,
            self.target,
            outcome.leverage,
            scene.signal.published_ms + terms.max_age_seconds * 1000,
            waits_for=holding.trade if holding is not None else None,
        )

    # ---- guards ----------------------------------------------------------------------------------

    def _turns(self, who: Subscriber) -> bool:
        """Whether this entry closes what its subscriber holds on the other side."""
        if who.terms.opposite != "close":
            return False
        holding = self.scene.holdings.get(who.terms.id)
        return (
            holding is not None
            and holding.side != self.scene.signal.side
            and holding.entry_trigger_ms < self.scene.signal.trigger_ms
            and not holding.is_leaving
        )

    def _guard(self, who: Subscriber) -> Skipped | None:
        terms = who.terms
        if who.account_state != "active":
            return Skipped(who, "account_suspended", {"state": who.account_state})
        if self.scene.halts and (halted := self._halted(who)):
            return Skipped(who, "halted", {"scopes": ",".join(sorted(halted))})
        if self.age > terms.max_age_seconds * 1000:
            limit = str(terms.max_age_seconds * 1000)
            return Skipped(who, "stale", {"age_ms": str(self.age), "limit_ms": limit})
        if self.market is not None:
            return Skipped(who, *self.market)
        if who.venue not in ("paper", self.scene.feed):
            told = {"prices": self.scene.feed, "venue": who.venue}
            return Skipped(who, "other_market", told)
        if not self._has_stops(who):
            return Skipped(who, "no_stop_orders")
        if not permits(terms, self.scene.instrument):
            return Skipped(who, "symbol_denied")
        return self._moved(who) or self._positioned(who) or self._lost(who)

    def _halted(self, who: Subscriber) -> frozenset[str]:
        covering = scopes_of(
            venue=who.venue,
            deployment=self.scene.signal.deployment,
            user=who.terms.tenant,
            account=who.terms.account_id,
            instrument=self.scene.instrument.id,
        )
        return self.scene.halts & covering

    def _has_stops(self, who: Subscriber) -> bool:
        rules = self.scene.instrument
        has = rules.is_futures or rules.takes_stop_market
        return has or who.terms.software_stop or who.venue == "paper"

    def _market(self) -> tuple[SkipReason, dict[str, str]] | None:
        """What is wrong with the market itself, or with the signal's prices by now."""
        scene, signal, quote = self.scene, self.scene.signal, self.scene.quote
        if not scene.instrument.active or scene.instrument.exit_only:
            return "instrument_inactive", {}
        if scene.lag is not None:
            return "market_lagging", {"why": scene.lag}
        if quote is None:
            return "no_price", {}
        if quote.age_ms > scene.price_stale_ms:
            return "price_stale", {"age_ms": str(quote.age_ms)}
        seen = {"signalled": canonical(signal.price), "last": canonical(quote.price)}
        sign = 1 if signal.side == "LONG" else -1
        if signal.stop_loss is not None and (quote.price - signal.stop_loss) * sign <= 0:
            return "stop_passed", seen | {"stop": canonical(signal.stop_loss)}
        if signal.take_profit is not None and (signal.take_profit - quote.price) * sign <= 0:
            return "target_passed", seen | {"target": canonical(signal.take_profit)}
        return None

    def _moved(self, who: Subscriber) -> Skipped | None:
        signal, slippage = self.scene.signal, who.terms.slippage
        last = self._last
        if not prices.has_moved(signal.side, signal.price, last, slippage):
            return None
        seen = {"signalled": canonical(signal.price), "last": canonical(last)}
        return Skipped(who, "price_moved", seen | {"slippage": canonical(slippage)})

    def _positioned(self, who: Subscriber) -> Skipped | None:
        scene, terms = self.scene, who.terms
        holding = scene.holdings.get(terms.id)
        if holding is not None:
            if holding.entry_trigger_ms > scene.signal.trigger_ms:
                return Skipped(who, "superseded")
            if holding.side == scene.signal.side and not holding.is_leaving:
                return Skipped(who, "already_in_position")
            # A reversal: out first, confirmed flat, then in while it is fresh.
            if not holding.is_leaving:
                return Skipped(who, "opposite_position")
        elif terms.max_positions < 1:
            return Skipped(who, "max_positions")
        if not scene.instrument.is_futures:
            return None
        key = (terms.account_id, position_key(scene.instrument, terms.margin_currency))
        owner = scene.owners.get(key)
        if owner in (None, terms.id):
            return None
        return Skipped(who, "exposure_owned", {"subscription": str(owner)})

    def _lost(self, who: Subscriber) -> Skipped | None:
        terms = who.terms
        if terms.max_daily_loss is None:
            return None
        lost = self.scene.losses.get(terms.id, ZERO)
        rate = self._rate(terms.capital_currency)
        if rate is None:
            return Skipped(who, "rate_stale", {"currency": terms.capital_currency})
        limit = MONEY.multiply(MONEY.multiply(terms.capital, rate.value), terms.max_daily_loss)
        if lost < limit:
            return None
        return Skipped(who, "daily_loss", {"lost": canonical(lost), "limit": canonical(limit)})

    def _late(self, who: Subscriber) -> Skipped | None:
        """What its venue's limits do not let out in time is not planned. Who is comes first."""
        capacity = self.scene.capacities.get(who.venue)
        if capacity is None:
            return None
        address = capacity.address_of(who.terms.account_id)
        ahead = self.ahead.get(address, 0)
        in_time = capacity.in_time(who.terms.max_age_seconds * 1000 - self.age)
        if ahead >= in_time:
            return Skipped(who, "no_capacity", {"ahead": str(ahead), "in_time": str(in_time)})
        self.ahead[address] = ahead + 1
        return None

    # ---- size ------------------------------------------------------------------------------------

    @property
    def _last(self) -> Decimal:
        assert self.scene.quote is not None
        return self.scene.quote.price

    def _limit(self, slippage: Decimal) -> Decimal:
        found = self.limits.get(slippage)
        if found is None:
            found = prices.marketable(self.side, self._last, slippage, self.scene.instrument)
            self.limits[slippage] = found
        return found

    def _ask(self, who: Subscriber) -> sizing.Ask | Skipped:
        scene, terms = self.scene, who.terms
        rules = scene.instrument
        rate = self._rate(terms.capital_currency)
        wallet = terms.margin_currency if rules.is_futures else rules.quote
        free_rate = self._rate(wallet)
        if rate is None or free_rate is None:
            missing = terms.capital_currency if rate is None else wallet
            return Skipped(who, "rate_stale", {"currency": missing})
        free = scene.free.get((terms.account_id, wallet))
        if free is None:
            return Skipped(who, "no_balance", {"currency": wallet})
        holding = scene.holdings.get(terms.id)
        freed = holding.margin if holding is not None else ZERO
        return sizing.Ask(
            rules,
            scene.signal.side,
            self._limit(terms.slippage),
            self.stop,
            terms.capital,
            rate.value,
            terms.risk,
            terms.leverage,
            MONEY.multiply(free, free_rate.value) + freed,
            terms.sizing,
            scene.leverage_ceiling,
            terms.max_notional,
        )

    def _rate(self, currency: str) -> Rate | None:
        found = self.scene.rates.get((currency, self.scene.instrument.quote))
        return None if found is None or found.age_ms > self.scene.rate_stale_ms else found
