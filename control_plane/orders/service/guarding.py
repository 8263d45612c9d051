"""Halts that nobody has to order, each with an incident: a venue that refuses, does not answer or
whose clock is not ours, an account whose books are not ours, a rush of entries, a market that is
behind. What was before a halt was lifted does not count again.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from loguru import logger
from sqlalchemy.engine import Row

from control_plane.core.ids import shard_of
from control_plane.infra.db import Tx
from control_plane.infra.leases import holders
from control_plane.market import service as market
from control_plane.orders.models import guarding
from control_plane.orders.models.guarding import LIFTS_ITSELF, OVER_MS, Reason, Record
from control_plane.orders.service.desk import Desk
from control_plane.orders.service.halting import OURSELVES, Halts
from control_plane.orders.store import halts, intents, invariants
from control_plane.subscriptions import service as subscriptions

EVERY_SECONDS = 5.0
BOOKS = ("I2", "I7")  # rules whose subject is an account's books

Skews = Mapping[str, Callable[[], int | None]]  # by venue: its clock less ours, if lately heard


@dataclass(frozen=True)
class Look:
    """What one pass found: scopes to halt, and those whose cause is over, as far as one sees."""

    wrong: Mapping[str, Reason]
    over: frozenset[str]


@dataclass
class Guard:
    desk: Desk
    halts: Halts
    skews: Skews = field(default_factory=dict)
    _unfed: dict[str, int] = field(default_factory=dict)  # instruments nobody feeds, since when
    _over: dict[str, int] = field(default_factory=dict)  # halts whose cause is over, since when
    _told: set[str] = field(default_factory=set)  # venues of whose clock was warned

    async def run(self) -> None:
        while True:
            await self.once()
            await self.desk.clock.sleep(EVERY_SECONDS * self.desk.scale)

    async def once(self) -> int:
        """How many scopes were halted now."""
        self._warn()
        look = await self.desk.db.read(self._look)
        for scope, why in sorted(look.wrong.items()):
            logger.error("halted_by_itself", scope=scope, cause=why.cause, reason=why.what)
            await self.halts.halt(
                scope, by_user=OURSELVES, reason=why.what, cause=why.cause, holder=self._holder
            )
        for scope in self._long_over(look.over):
            if await self.halts.lift(scope):
                logger.info("halt_lifted_itself", scope=scope)
        return len(look.wrong)

    @property
    def _holder(self) -> str:
        return self.desk.leases.holder

    def _warn(self) -> None:
        for venue, skew in self.skews.items():
            found = skew()
            if found is None or abs(found) <= guarding.SKEW_TOLD_MS:
                self._told.discard(venue)
            elif venue not in self._told:
                self._told.add(venue)
                logger.warning("clocks_differ", venue=venue, ms=found)

    def _long_over(self, over: frozenset[str]) -> Iterator[str]:
        now = self.desk.now_ms()
        self._over = {scope: self._over.get(scope, now) for scope in over}
        for scope, since in sorted(self._over.items()):
            cause = "clock" if scope.startswith("venue:") else "stale"
            if now - since >= self.desk.scaled_ms(OVER_MS[cause] / 1000):
                yield scope

    # ---- transactions ----------------------------------------------------------------------------

    def _look(self, tx: Tx) -> Look:
        rows = {row.scope: row for row in halts.listed(tx)}
        wrong = {**self._stale(tx), **self._clocks(), **self._rushes(tx, rows)}
        wrong |= {**self._venues(tx, rows), **_books(tx, rows)}
        ours = {scope for scope, row in rows.items() if row.active and row.cause in LIFTS_ITSELF}
        alive = {holder for holder, _ in holders(tx, "trading").values()}
        over = frozenset(
            scope for scope in ours - wrong.keys() if self._is_over(scope, rows[scope], alive)
        )
        return Look({s: why for s, why in wrong.items() if _adds(rows.get(s), why)}, over)

    def _is_over(self, scope: str, row: Row[Any], alive: set[str]) -> bool:
        if row.cause != "clock":
            return True
        # Another process speaks for its own clock, as long as it lives.
        if row.holder != self._holder and row.holder in alive:
            return False
        skew = self.skews.get(scope.partition(":")[2])
        return skew is not None and guarding.clock_is_right(skew())

    def _clocks(self) -> dict[str, Reason]:
        found = {f"venue:{venue}": guarding.why_clock(skew()) for venue, skew in self.skews.items()}
        return {scope: why for scope, why in found.items() if why is not None}

    def _venues(self, tx: Tx, rows: Mapping[str, Row[Any]]) -> dict[str, Reason]:
        found: dict[str, Reason] = {}
        for venue in sorted(self.desk.brokers):
            scope = f"venue:{venue}"
            refused = intents.refusals(tx, venue, _lifted(rows, scope), guarding.ORDERS_JUDGED)
            why = guarding.why_halt(Record(refused, intents.count_in_doubt(tx, venue)))
            if why is not None:
                found[scope] = why
        return found

    def _rushes(self, tx: Tx, rows: Mapping[str, Row[Any]]) -> dict[str, Reason]:
        """Entries of the last minute, by whom they are of."""
        since = self.desk.now_ms() - guarding.RUSH_MS
        sent = intents.entries_sent(tx, sorted(self.desk.brokers), since)
        if len(sent) <= guarding.LEAST_RUSH:
            return {}
        found: dict[str, Reason] = {}
        for kind in ("deployment", "account"):
            names = [getattr(row, f"{kind}_id") for row in sent]
            followed = subscriptions.counts(tx, kind, set(names))
            counted: Counter[str] = Counter()
            pace: dict[str, float] = {}
            for row, name in zip(sent, names, strict=True):
                counted[name] += row.signed_ms > _lifted(rows, f"{kind}:{name}")
                speed = market.market_time(tx, row.instrument).speed
                pace[name] = max(speed, pace.get(name, 1.0))
            for name, count in counted.items():
                why = guarding.why_rush(count, followed.get(name, 0), pace[name])
                if why is not None:
                    found[f"{kind}:{name}"] = why
        return found

    def _stale(self, tx: Tx) -> dict[str, Reason]:
        """Markets that somebody follows: behind by their own word, or fed by nobody."""
        now, allowed = self.desk.now_ms(), int(self.desk.settings.price_stale_seconds * 1000)
        behind = {lag.instrument: lag for lag in market.lagging(tx)}
        feeding = holders(tx, "market")
        unfed: dict[str, int] = {}
        found: dict[str, Reason] = {}
        for one in sorted(subscriptions.followed_instruments(tx)):
            why: Reason | None = None
            if shard_of(one) not in feeding:
                unfed[one] = self._unfed.get(one, now)
                why = guarding.why_stale(now - unfed[one], "nobody feeds it", allowed)
            elif (lag := behind.get(one)) is not None:
                why = guarding.why_stale(now - lag.since_ms, lag.reason, allowed)
            if why is not None:
                found[f"instrument:{one}"] = why
        self._unfed = unfed
        return found


def _books(tx: Tx, rows: Mapping[str, Row[Any]]) -> dict[str, Reason]:
    found: dict[str, Reason] = {}
    for alarm in invariants.standing(tx):
        account, is_books, _ = alarm.subject.partition(":")
        scope = f"account:{account}"
        if alarm.rule in BOOKS and is_books and alarm.since_ms > _lifted(rows, scope):
            found[scope] = Reason("books", f"{alarm.rule}: {alarm.what}")
    return found


def _lifted(rows: Mapping[str, Row[Any]], scope: str) -> int:
    return rows[scope].at_ms if scope in rows else 0


def _adds(row: Row[Any] | None, why: Reason) -> bool:
    """Whether it says more than a halt that stands: one that a person has to lift, over one that
    lifts itself.
    """
    if row is None or not row.active:
        return True
    return row.cause in LIFTS_ITSELF and why.cause not in LIFTS_ITSELF
