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
    SubscriptionId,
    TradeId,
    trade_id,
)
from control_plane.errors import SlipwayError, Unavailable
from control_plane.infra import audit
from control_plane.infra.canonical import canonical_json
from control_plane.infra.db import Tx
from control_plane.market import service as market
from control_plane.orders.models import planning
from control_plane.orders.models.planned import PLANNED, intent_rows, skip_row
from control_plane.orders.models.scene import (
    Holding,
    Plan,
    Scene,
    Subscriber,
)
from control_plane.orders.service import seeing
from control_plane.orders.service.desk import Desk
from control_plane.orders.service.losses import lost_today
from control_plane.orders.store import halts, intents, planned, trades
from control_plane.signals.models.stored import StoredSignal
from control_plane.signals.service import reading as signals
from control_plane.subscriptions import service as subscriptions
from strategy_runtime.rules.instruments import Instrument
from strategy_runtime.wire import names

PAGE = 1_000  # rows between two fail points
FIRST_PRICE_SECONDS = 2.0


Places = Mapping[AccountId, Place]
Free = Mapping[tuple[AccountId, str], Decimal]


@dataclass(frozen=True)
class Planner:
    desk: Desk

    async def once(self) -> int:
        """Plan what is accepted; how many signals it was."""
        waiting = await self.desk.db.read(signals.accepted, self.desk.owned())
        last = {signal.deployment: signal.id for signal in waiting}
        for signal in waiting:
            if last[signal.deployment] == signal.id and self._awaits_price(signal):
                continue
            if self.desk.leases.is_trusted(signal.shard):
                await self.desk.isolation.run("signal", signal.id, self._plan_or_refuse, signal)
        return len(waiting)

    def _awaits_price(self, signal: StoredSignal) -> bool:
        """The first price after somebody subscribed, or we started, may be on its way. Whatever
        its deployment said after it does not wait, and then neither does it.
        """
        desk = self.desk
        if signal.kind == "exit" or desk.quote(signal.instrument) is not None:
            return False
        desk.bus.hint(names.wake("prices"))
        return desk.now_ms() - signal.accepted_ms < desk.scaled_ms(FIRST_PRICE_SECONDS)

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
            free = await self._free(places, seeing.wallet_of(seen.instrument))
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

    def _look_around(self, tx: Tx, signal: StoredSignal) -> tuple[seeing.Market, Places]:
        instrument = market.instrument(tx, signal.instrument)
        quoted = self.desk.quoted(tx)
        following = subscriptions.following(tx, signal.deployment, signal.accepted_ms)
        places = accounts.places(tx, following)
        return seeing.Market(instrument, self.desk.quote(signal.instrument), quoted), places

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
        seen: seeing.Market,
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
            found[trade] = (row.subscription_id, seeing.entering(row, trade, trade in leaving))
        for row in trades.open_of_deployment(tx, signal.deployment):
            is_leaving = row.state == "exiting" or row.id in leaving
            found[row.id] = (row.subscription_id, seeing.held(row, instrument, is_leaving))

        # Of a position that is left and an entry that waits for it, the one that stays counts.
        return dict(sorted(found.values(), key=seeing.weight))

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
        seen: seeing.Market,
        free: Free,
        holdings: Mapping[SubscriptionId, Holding],
        members: Sequence[Subscriber],
        now: int,
    ) -> Scene:
        settings = self.desk.settings
        feed = market.feed_of(tx, seen.instrument.id) or ""
        common: dict[str, Any] = {
            "signal": seeing.signal_of(signal),
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
            rates=seeing.rates(seen, members) | seeing.pegs(tx, seen.instrument, feed),
            halts=halts.active(tx),
            free=free,
            losses=lost_today(tx, self.desk, limited, seen.instrument) if limited else {},
            owners=seeing.owners(tx, members) if is_future else {},
            leverage_ceiling=seeing.ceiling(tx, signal) if is_future else None,
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
            planned.add_planned(tx, PLANNED, rows[start : start + PAGE])
            self.desk.failpoints.hit_inside("fanout.after_k_intents")
        planned.add_skips(tx, [skip_row(one, signal, now) for one in plan.skips])
        took_us = round((self.desk.clock.monotonic() - started) * 1_000_000)
        planned.add_plan(
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
        planned.tell_planned(tx, signal.id, now)
        self.desk.wake(tx)
