"""The eight rules of sending, each switched off in its turn: a simulation that does not notice is
none.

Every one is a change from outside: nothing in the product can switch a rule off.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count as naturals
from itertools import islice
from typing import Any

from sqlalchemy import text, update
from sqlalchemy.engine import Row

from control_plane.brokers.errors import OrderRefused, OutcomeUnknown
from control_plane.brokers.models import Accepted, Broker, OrderRequest, VenueOrder
from control_plane.brokers.replies import Said
from control_plane.core.clock import Clock, ms
from control_plane.infra.db import Tx
from control_plane.orders.models.looking import Patience
from control_plane.orders.models.states import DOUBT
from control_plane.orders.service import changes
from control_plane.orders.service.desk import Desk
from control_plane.orders.service.looking import Looker, Sought
from control_plane.orders.service.releasing import Released, Releaser
from control_plane.orders.service.sending import Outcome as Sent
from control_plane.orders.service.sending import Sender
from control_plane.orders.store import intents
from control_plane.orders.store.tables import intents as table
from tests.simulation.history import Outcome, chart_of, sail
from tests.simulation.sea import Chart, Sea, Ship


@dataclass(frozen=True)
class Mutant:
    """What it leaves out, in which kind of history that matters, and one that shows it.

    As the code changes so do histories: if the recorded one shows nothing any more, the next ones
    of its kind are tried.
    """

    name: str
    refit: Callable[[Sea, Ship], None]
    matters: Callable[[Chart], bool]
    seed: int
    desk: type[Desk] = Desk


# ---- 1: write ahead of sending -------------------------------------------------------------------


class _Undone(Exception):
    def __init__(self, released: list[Released]) -> None:
        super().__init__()
        self.released = released


@dataclass(frozen=True)
class SendsFirst(Sender):
    """What is sent is written down once the answer is there."""

    async def _release(self, batch: Sequence[Row[Any]]) -> list[tuple[Released, float]]:
        try:
            await self.desk.db.write(self._peek, batch)
        except _Undone as undone:
            return [(one, self.desk.clock.monotonic()) for one in undone.released]
        return []

    def _peek(self, tx: Tx, batch: Sequence[Row[Any]]) -> None:
        raise _Undone(self.releaser.release(tx, batch, []))

    def _record(self, tx: Tx, one: Released, outcome: Sent) -> None:
        row = intents.find(tx, one.intent)
        if row is not None and row.state == "READY":
            self.releaser.release(tx, [row], [])
        super()._record(tx, one, outcome)


def _sends_first(sea: Sea, ship: Ship) -> None:
    ship.loops = replace(ship.loops, sender=SendsFirst(ship.desk, Releaser(ship.desk)))


# ---- 2, 3, 4: what happens between us and the venue ----------------------------------------------


@dataclass
class Meddling:
    """A broker that does something else with a create."""

    broker: Broker
    clock: Clock

    def __getattr__(self, name: str) -> Any:
        return getattr(self.broker, name)


class SignsAnew(Meddling):
    async def place(self, order: OrderRequest) -> Accepted:
        return await self.broker.place(replace(order, signed_ms=ms(self.clock.now())))


class Repeats(Meddling):
    async def place(self, order: OrderRequest) -> Accepted:
        try:
            return await self.broker.place(order)
        except OutcomeUnknown:
            return await self.broker.place(order)


class TakesDoubtForRefusal(Meddling):
    async def place(self, order: OrderRequest) -> Accepted:
        try:
            return await self.broker.place(order)
        except OutcomeUnknown as error:
            raise OrderRefused("other", error.what) from error


def _between(kind: Callable[[Broker, Clock], Meddling]) -> Callable[[Sea, Ship], None]:
    def refit(sea: Sea, ship: Ship) -> None:
        brokers: Any = ship.desk.brokers
        brokers["paper"] = kind(brokers["paper"], ship.desk.clock)

    return refit


# ---- 5: settle, then look twice ------------------------------------------------------------------


class Impatient(Desk):
    def patience(self, venue: str) -> Patience:
        return replace(super().patience(venue), settle_ms=0, apart_ms=1)


# ---- 6, 7: how doubt ends ------------------------------------------------------------------------


class Counts(Looker):
    """After five looks without an answer it believes that there is no order."""

    def _unclear(self, tx: Tx, sought: Sought, said: Sequence[Said]) -> None:
        row = intents.find(tx, sought.intent.id)
        if row is None or row.state != "UNKNOWN":
            return
        if row.looks < 4:
            intents.touch(tx, row, looks=row.looks + 1, looked_ms=self.desk.now_ms())
            return
        order = intents.last_order(tx, row.id)
        changes.move(tx, self.desk, row, order, "abandoned", reason="five looks")


class Resends(Looker):
    """An entry that was proved absent goes out again."""

    def _seen(
        self, tx: Tx, sought: Sought, at_venue: VenueOrder | None, said: Sequence[Said]
    ) -> None:
        super()._seen(tx, sought, at_venue, said)
        row = intents.find(tx, sought.intent.id)
        if row is not None and row.state == "ABANDONED" and sought.intent.state == "UNKNOWN":
            tx.run(update(table).where(table.c.id == row.id).values(state="READY", done_ms=None))


def _looking(kind: Callable[[Desk], Looker]) -> Callable[[Sea, Ship], None]:
    def refit(sea: Sea, ship: Ship) -> None:
        ship.loops.follower.looker = kind(ship.desk)

    return refit


# ---- 8: one order in doubt at a time -------------------------------------------------------------


@dataclass(frozen=True)
class Crowds(Releaser):
    """It does not see what is in doubt already."""

    def release(self, tx: Tx, batch: Sequence[Row[Any]], committed: list[float]) -> list[Released]:
        doubtful = tx.all(table.select().where(table.c.state.in_(sorted(DOUBT))))
        for row in doubtful:
            tx.run(update(table).where(table.c.id == row.id).values(state="CANCELLING"))
        released = super().release(tx, batch, committed)
        for row in doubtful:
            tx.run(update(table).where(table.c.id == row.id).values(state=row.state))
        return released


class Throngs(Sender):
    """Nor does it when it reads what is ready."""

    async def _ready(self) -> Sequence[Row[Any]]:
        return await self.desk.db.read(_all_ready, self.desk.now_ms())


def _all_ready(tx: Tx, now: int) -> Sequence[Row[Any]]:
    is_ready = (table.c.state == "READY") & (table.c.retry_ms <= now)
    return tx.all(table.select().where(is_ready).order_by(table.c.leg.desc(), table.c.id))


def _crowds(sea: Sea, ship: Ship) -> None:
    with sea.db.engine.begin() as connection:
        connection.execute(text("DROP INDEX IF EXISTS uq_intent_in_doubt"))
    ship.loops = replace(ship.loops, sender=Throngs(ship.desk, Crowds(ship.desk)))


def _nothing(sea: Sea, ship: Ship) -> None:
    """The change is in the desk."""


def _over_futures(chart: Chart) -> bool:
    return chart.venue == "coindcx" and chart.kind == "fut"


MUTANTS: Mapping[int, Mutant] = {
    1: Mutant(
        "written down after sending", _sends_first, lambda chart: chart.perils.kill >= 0.02, 49
    ),
    2: Mutant(
        "signed with the time of the moment",
        _between(SignsAnew),
        lambda chart: (
            chart.venue == "coindcx"
            and chart.perils.socket_pause > 0
            and chart.second is not None
            and chart.second < 1
        ),
        187,
    ),
    3: Mutant(
        "a create is repeated underneath",
        _between(Repeats),
        lambda chart: _over_futures(chart) and chart.lost > 0.05,
        274,
    ),
    4: Mutant(
        "no answer counts as a refusal",
        _between(TakesDoubtForRefusal),
        lambda chart: chart.venue == "coindcx" and chart.lost > 0.05,
        274,
    ),
    5: Mutant(
        "absent is believed at once",
        _nothing,
        lambda chart: chart.venue == "coindcx" and chart.create_late > 0,
        26,
        Impatient,
    ),
    6: Mutant(
        "doubt ends after five looks",
        _looking(Counts),
        lambda chart: chart.venue == "coindcx" and chart.cut > 0,
        345,
    ),
    7: Mutant(
        "an entry proved absent is sent again",
        _looking(Resends),
        lambda chart: _over_futures(chart) and chart.hidden > 0,
        436,
    ),
    8: Mutant("several orders in doubt at once", _crowds, lambda chart: chart.is_crowded, 27),
}


def caught(rule: int, *, among: int = 80) -> Outcome | None:
    """A history that shows that this rule is switched off: the recorded one, or the next."""
    mutant = MUTANTS[rule]
    seeds = [mutant.seed, *fitting(mutant, among)]
    outcomes = (sail(seed, mutant.refit, mutant.desk) for seed in seeds)
    return next((outcome for outcome in outcomes if outcome.wrong), None)


def fitting(mutant: Mutant, count: int) -> list[int]:
    """The first seeds whose history is of the kind in which this rule matters."""
    seeds = (seed for seed in naturals() if mutant.matters(chart_of(seed, random.Random(seed))))
    return list(islice(seeds, count))
