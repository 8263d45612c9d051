"""What a halt asks beyond refusing entries, and who else may end a position: the loss of a day, a
person.

Rows say what is wanted; each pass brings every position and every resting entry one step nearer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from operator import attrgetter
from typing import Any

from loguru import logger
from sqlalchemy.engine import Row

from control_plane.core.ids import SubscriptionId
from control_plane.infra.db import Tx
from control_plane.market import service as market
from control_plane.orders.models import prices
from control_plane.orders.models.halts import covering
from control_plane.orders.models.trades import ExitReason
from control_plane.orders.service import changes
from control_plane.orders.service.desk import Desk
from control_plane.orders.service.looking import Sought, sought_of
from control_plane.orders.service.losses import lost_today
from control_plane.orders.service.resting import Rester
from control_plane.orders.store import halts, intents, trades
from control_plane.subscriptions import service as subscriptions
from control_plane.subscriptions.models import Subscription
from strategy_runtime.rules.instruments import Instrument
from strategy_runtime.rules.money import MONEY

LOSSES_SECONDS = 2.0


@dataclass
class Enforcer:
    desk: Desk
    rester: Rester
    _weighed: float = field(default=float("-inf"))

    async def once(self) -> int:
        """How many positions and entries a halt still has to end."""
        modes, leaving = await self.desk.db.read(self._wanted)
        wanted = {scope: mode for scope, mode in modes.items() if mode != "halt_new"}
        left = await self._enforce(wanted) if wanted else 0
        left += await self._end(leaving) if leaving else 0
        await self._weigh()
        return left

    async def _enforce(self, wanted: Mapping[str, str]) -> int:
        desk = self.desk
        held, entering = await desk.db.read(self._covered, wanted)
        for sought in entering:
            await desk.isolation.run("intent", sought.intent.id, self.rester.take_back, sought)
        await desk.isolation.together("trade", held, self._flatten, attrgetter("id"))
        return len(held) + len(entering)

    async def _flatten(self, rows: Sequence[Row[Any]]) -> None:
        await self.desk.db.write(self._leave, [row.id for row in rows], "halt")

    async def _end(self, leaving: Sequence[SubscriptionId]) -> int:
        """Close what cancelled subscriptions hold, also what a late fill still brings."""
        desk = self.desk
        held, flat = await desk.db.read(self._held_by, leaving)
        for trade in held:
            await desk.isolation.run("trade", trade, desk.db.write, self._leave, [trade], "hand")
        if flat:
            await desk.db.write(subscriptions.left, flat)
        return len(leaving) - len(flat)

    async def _weigh(self) -> None:
        """Now and then: who lost more today than was allowed leaves."""
        desk = self.desk
        now = desk.clock.monotonic()
        if now - self._weighed < LOSSES_SECONDS * desk.scale:
            return
        self._weighed = now
        lost = await desk.db.read(self._too_much_lost)
        for trade in lost:
            logger.warning("daily_loss_exit", trade=trade)
            await desk.isolation.run(
                "trade", trade, desk.db.write, self._leave, [trade], "daily_loss"
            )

    # ---- transactions ----------------------------------------------------------------------------

    def _wanted(self, tx: Tx) -> tuple[Mapping[str, str], Sequence[SubscriptionId]]:
        return halts.modes(tx), subscriptions.leaving(tx, self.desk.owned())

    def _held_by(
        self, tx: Tx, leaving: Sequence[SubscriptionId]
    ) -> tuple[list[str], list[SubscriptionId]]:
        """Trades that are not on their way out, and subscriptions that hold nothing for good."""
        held: list[str] = []
        flat: list[SubscriptionId] = []
        for one in leaving:
            rows = trades.open_of_subscription(tx, one)
            held += [row.id for row in rows if row.state != "exiting"]
            if not rows and not intents.has_live_entry(tx, one):
                flat.append(one)
        return held, flat

    def _covered(
        self, tx: Tx, wanted: Mapping[str, str]
    ) -> tuple[Sequence[Row[Any]], Sequence[Sought]]:
        """Open positions that have to be flat, and resting entries that have to go."""
        owned = self.desk.owned()
        flatten = frozenset(scope for scope, mode in wanted.items() if mode == "flatten")
        staying = trades.open_in(tx, owned, {"unprotected", "protected", "unstopped"})
        held = [row for row in staying if covering(row) & flatten]
        resting = intents.in_states(tx, owned, {"OPEN", "PARTIAL"})
        entering = [row for row in resting if row.leg == "entry" and covering(row) & wanted.keys()]
        return held, sought_of(tx, entering)

    def _leave(self, tx: Tx, identities: Sequence[str], why: ExitReason) -> int:
        begun = 0
        for identity in identities:
            trade = trades.find(tx, identity)
            if trade is None or trade.state in ("exiting", "closed"):
                continue
            instrument = market.instrument(tx, trade.instrument)
            begun += changes.begin_exit(tx, self.desk, trade, why, instrument)
        return begun

    def _too_much_lost(self, tx: Tx) -> list[str]:
        staying = trades.open_in(tx, self.desk.owned(), {"unprotected", "protected", "unstopped"})
        terms = {
            one.id: one
            for one in subscriptions.by_ids(
                tx, {SubscriptionId(r.subscription_id) for r in staying}
            )
            if one.max_daily_loss is not None
        }
        by_instrument: dict[str, list[Row[Any]]] = {}
        for row in staying:
            if row.subscription_id in terms:
                by_instrument.setdefault(row.instrument, []).append(row)
        found: list[str] = []
        for name, rows in sorted(by_instrument.items()):
            found += self._beyond(tx, market.instrument(tx, name), rows, terms)
        return found

    def _beyond(
        self,
        tx: Tx,
        instrument: Instrument,
        rows: Sequence[Row[Any]],
        terms: Mapping[SubscriptionId, Subscription],
    ) -> list[str]:
        losses = lost_today(tx, self.desk, [row.subscription_id for row in rows], instrument)
        found: list[str] = []
        for row in rows:
            own = terms[SubscriptionId(row.subscription_id)]
            limit = self._limit(tx, own, instrument)
            if limit is not None and losses[own.id] >= limit:
                found.append(row.id)
        return found

    def _limit(self, tx: Tx, own: Subscription, instrument: Instrument) -> Decimal | None:
        """In the quote currency; none while no fresh rate says what it is there."""
        assert own.max_daily_loss is not None
        quoted = self.desk.quoted(tx) if own.capital_currency != instrument.quote else []
        rate = prices.rate(own.capital_currency, instrument.quote, quoted)
        if rate is None or rate.age_ms > self.desk.settings.rate_stale_seconds * 1000:
            return None
        return MONEY.multiply(MONEY.multiply(own.capital, rate.value), own.max_daily_loss)
