"""Every minute: does what must always hold still hold? What does not is an incident and an alarm,
until it holds again.

What only the venue can tell is compared too, for a few accounts a round. Books that differ while
something is under way say nothing, so a difference counts once it is seen twice.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec
from loguru import logger
from sqlalchemy.engine import Row

from control_plane.brokers.errors import VenueUnreachable
from control_plane.brokers.models import Position, VenueFill, VenueOrder
from control_plane.core.ids import AccountId, shard_of
from control_plane.infra import events
from control_plane.infra.db import Database, Tx
from control_plane.infra.leases import TERM_SECONDS
from control_plane.market import service as market
from control_plane.orders.models import invariants
from control_plane.orders.models.invariants import FLAT_SECONDS, Allowed, Broken, Facts
from control_plane.orders.service.desk import Desk
from control_plane.orders.store import halts, intents, trades
from control_plane.orders.store import invariants as store
from control_plane.signals.service import reading as signals
from strategy_runtime.rules.money import ZERO

EVERY_SECONDS = 60.0
LOOK_BACK_SECONDS = 600.0
ACCOUNTS_A_ROUND = 20
OURS = "a1"  # what our client order ids begin with
NOT_OURS = (
    "this order is named as only ours are, and is in no row of ours: another installation uses the"
    " same key, or our database is an older copy"
)

Key = tuple[str, str]  # rule and subject


@dataclass(frozen=True)
class Books:
    """What we believe of one account: open trades, and orders that rest at the venue."""

    account: AccountId
    venue: str
    held: Sequence[Row[Any]]
    resting: Sequence[Row[Any]]
    is_busy: bool


@dataclass
class Checker:
    desk: Desk
    _turn: int = 0
    _suspected: frozenset[Key] = field(default_factory=frozenset)

    async def run(self) -> None:
        while True:
            await self.desk.clock.sleep(EVERY_SECONDS * self.desk.scale)
            await self.once()

    async def once(self) -> int:
        """How much is broken now."""
        desk = self.desk
        facts = await desk.db.read(self._facts)
        found = invariants.broken(facts)
        found += await desk.db.read(self._not_ours)
        found += await self._at_venues()
        return await desk.db.write(self._tell, found)

    def _facts(self, tx: Tx) -> Facts:
        desk = self.desk
        tx.hold_still()  # an order and its decision are in tables of their own
        now = desk.now_ms()
        since = now - desk.scaled_ms(LOOK_BACK_SECONDS)
        outdated = invariants.stepped_back(signals.signals(tx, limit=500))
        return store.facts(tx, desk.owned(), since, now, allowed(desk), outdated)

    def _not_ours(self, tx: Tx) -> list[Broken]:
        """A fill of an order that only ours can be named like, and that is in no row."""
        since = self.desk.now_ms() - self.desk.scaled_ms(LOOK_BACK_SECONDS)
        owned = self.desk.owned()
        return [
            Broken("I2", f"{row.account_id}:{row.exchange_order_id}", NOT_OURS)
            for row in store.strays(tx, since)
            if shard_of(row.account_id) in owned
            and msgspec.json.decode(row.body, type=VenueFill).client_order_id.startswith(OURS)
        ]

    def _tell(self, tx: Tx, found: Sequence[Broken]) -> int:
        owned = self.desk.owned()
        before = {(row.rule, row.subject): row for row in store.standing(tx)}
        now_broken = {(one.rule, one.subject): one for one in found}
        fresh = [one for key, one in now_broken.items() if key not in before]
        over = [key for key, row in before.items() if key not in now_broken and row.shard in owned]
        shard = min(owned, default=0)
        store.raise_alarms(tx, fresh, dict.fromkeys((o.subject for o in fresh), shard), tx.now_ms())
        store.end_alarms(tx, over)
        for one in fresh:
            logger.error("invariant_broken", rule=one.rule, subject=one.subject, what=one.what)
            events.record(tx, "incident", "invariant", one.subject, rule=one.rule, what=one.what)
        for rule, subject in over:
            events.record(tx, "incident_over", "invariant", subject, rule=rule)
        return len(now_broken)

    # ---- the venues' own books -------------------------------------------------------------------

    async def _at_venues(self) -> list[Broken]:
        found: list[Broken] = []
        for books in await self.desk.db.read(self._books):
            try:
                found += await self._compare(books)
            except VenueUnreachable as error:
                logger.warning("books_not_compared", account=books.account, reason=str(error))
        suspected = frozenset((one.rule, one.subject) for one in found)
        certain = [one for one in found if (one.rule, one.subject) in self._suspected]
        self._suspected = suspected
        return certain

    def _books(self, tx: Tx) -> list[Books]:
        """The next few accounts that hold something; the same ones again while one is suspected."""
        places = [
            (venue, account)
            for venue, accounts in sorted(trades.holding_accounts(tx, self.desk.owned()).items())
            for account in sorted(accounts)
        ]
        if not places:
            return []
        if not self._suspected:
            self._turn += 1
        start = self._turn * ACCOUNTS_A_ROUND % len(places)
        turn = [*places[start:], *places[:start]][:ACCOUNTS_A_ROUND]
        return [self._books_of(tx, venue, account) for venue, account in turn]

    def _books_of(self, tx: Tx, venue: str, account: str) -> Books:
        rows = intents.live_of_account(tx, account)
        settled = self.desk.now_ms() - self.desk.scaled_ms(FLAT_SECONDS)
        resting = [row for row in rows if row.state == "OPEN" and (row.signed_ms or 0) < settled]
        is_busy = len(resting) < len(rows) or trades.filled_since(tx, account, settled)
        return Books(
            AccountId(account), venue, trades.open_of_account(tx, account), resting, is_busy
        )

    async def _compare(self, books: Books) -> list[Broken]:
        desk = self.desk
        broker = desk.brokers.get(books.venue)
        if broker is None or books.is_busy:
            return []
        futures = [row for row in books.held if row.instrument.startswith("fut:")]
        found: list[Broken] = []
        if futures:
            positions = await broker.positions([books.account])
            found += invariants.positions_agree(books.account, futures, _by_place(positions))
        for name in sorted({row.instrument for row in books.held}):
            instrument = await desk.db.read(market.instrument, name)
            listed = await broker.open_orders(books.account, instrument)
            names = [each.client_order_id for each in listed]
            ours = await desk.db.read(intents.known_names, books.account, names)
            found += _strangers(books.account, listed, ours)
            # A futures stop belongs to its position: the venue gave it no name of ours.
            is_spot = not instrument.is_futures
            resting = [row for row in books.resting if row.instrument == name and is_spot]
            found += invariants.rests_there(resting, {each.client_order_id for each in listed})
        return found


def allowed(desk: Desk) -> Allowed:
    """Protected within the deadline; after a crash or a pause, a lease's term later."""
    naked = desk.settings.protect_seconds + TERM_SECONDS
    return Allowed(
        naked_ms=desk.scaled_ms(naked),
        flat_ms=desk.scaled_ms(FLAT_SECONDS + TERM_SECONDS),
        halt_ms=desk.scaled_ms(1.0),
    )


def _by_place(positions: Sequence[Position]) -> Mapping[tuple[str, str], Decimal]:
    found: defaultdict[tuple[str, str], Decimal] = defaultdict(lambda: ZERO)
    for each in positions:
        found[each.instrument, each.margin_currency] += each.quantity
    return found


def _strangers(account: str, listed: Sequence[VenueOrder], ours: set[str]) -> list[Broken]:
    return [
        Broken("I2", f"{account}:{each.exchange_order_id}", NOT_OURS)
        for each in listed
        if each.client_order_id.startswith(OURS) and each.client_order_id not in ours
    ]


def holds(db: Database) -> Callable[[], Awaitable[str | None]]:
    """For whoever asks how we are, in whatever process: the oldest alarm in a sentence."""

    async def check() -> str | None:
        rows = await db.read(alarms)
        if not rows:
            return None
        more = f" And {len(rows) - 1} more: `slipway alarms`." if len(rows) > 1 else ""
        return f"{rows[0].rule}: {rows[0].subject}: {rows[0].what}.{more}"

    return check


class Alarm(NamedTuple):
    rule: str
    subject: str
    what: str
    since_ms: int


def alarms(tx: Tx) -> Sequence[Alarm]:
    """What must hold and does not, and what was halted by itself; oldest first."""
    broken = [Alarm(r.rule, r.subject, r.what, r.since_ms) for r in store.standing(tx)]
    halted = [Alarm(r.cause, r.scope, r.reason, r.at_ms) for r in halts.standing_by_itself(tx)]
    return sorted([*broken, *halted], key=lambda one: (one.since_ms, one.rule, one.subject))
