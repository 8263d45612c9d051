"""What must hold whatever happened, as functions of rows: the trading role asks them every minute,
and every test of a history at its end.

The numbers are those of the specification. Each function yields what is broken; nothing is a guess:
what can still change within its allowed time is left alone.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from control_plane.core.ids import IntentId, client_order_id
from control_plane.orders.models.halts import covering
from control_plane.orders.models.states import DOUBT, TABLE, is_terminal
from control_plane.orders.models.trades import opening_side
from strategy_runtime.rules.money import ZERO

FLAT_SECONDS = 5.0
HALT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Broken:
    rule: str  # I1, I2, …
    subject: str  # the row that shows it
    what: str


@dataclass(frozen=True, slots=True)
class Halted:
    scope: str
    from_ms: int
    until_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Allowed:
    """Times that the rules leave, in milliseconds, scaled like all operational ones."""

    naked_ms: int  # without a confirmed stop
    flat_ms: int = int(FLAT_SECONDS * 1000)
    halt_ms: int = int(HALT_SECONDS * 1000)


@dataclass(frozen=True)
class Facts:
    now_ms: int
    allowed: Allowed
    intents: Sequence[Any] = ()
    orders: Sequence[Any] = ()  # of those intents
    trades: Sequence[Any] = ()
    fills: Sequence[Any] = ()  # of those trades
    ledger: Sequence[Any] = ()  # of those trades
    undecided: Sequence[tuple[str, str]] = ()  # signal and subscription
    decided_twice: Sequence[tuple[str, str]] = ()
    outdated: Sequence[str] = ()  # planned signals of a generation that did not count
    epochs: Mapping[int, int] = field(default_factory=dict)  # of each shard's lease
    halts: Sequence[Halted] = ()
    moves: Sequence[tuple[str, str]] = ()  # intents and the states they came to, in order


def one_order_each(facts: Facts) -> Iterator[Broken]:
    legs = {row.id: row.leg for row in facts.intents}
    bound: Counter[str] = Counter()
    live: Counter[str] = Counter()
    for order in facts.orders:
        bound[order.intent_id] += order.exchange_order_id is not None
        live[order.intent_id] += not is_terminal(order.state) and order.state != "READY"
    for intent, count in bound.items():
        if count > 1 and legs.get(intent) == "entry":
            yield Broken("I1", intent, f"an entry has {count} orders at the exchange")
    for intent, count in live.items():
        if count > 1:
            yield Broken("I1", intent, f"{count} orders of one intent are under way")


def one_in_doubt(facts: Facts) -> Iterator[Broken]:
    """A fingerprint tells one order from others only while there is one to be told."""
    places = {
        row.id: (row.account_id, row.instrument, row.margin_currency, row.leg)
        for row in facts.intents
    }
    doubtful: dict[tuple[str, ...], str] = {}
    for intent, state in facts.moves:
        place = places.get(intent)
        if place is None:
            continue
        other = doubtful.get(place)
        if state not in DOUBT:
            if other == intent:
                del doubtful[place]
        elif other in (None, intent):
            doubtful[place] = intent
        else:
            yield Broken("I1", intent, f"it left while {other} was in doubt")


def no_phantom(facts: Facts) -> Iterator[Broken]:
    for order in facts.orders:
        if order.state in ("OPEN", "PARTIAL", "FILLED") and order.exchange_order_id is None:
            yield Broken("I3", order.id, f"it is {order.state} and the exchange has not named it")


def everybody_decided(facts: Facts) -> Iterator[Broken]:
    for signal, subscription in facts.undecided:
        yield Broken("I4", signal, f"{subscription} has neither an intent nor a skip")
    for signal, subscription in facts.decided_twice:
        yield Broken("I4", signal, f"{subscription} was decided more than once")


def never_naked(facts: Facts) -> Iterator[Broken]:
    for trade in facts.trades:
        if trade.state != "unprotected" or trade.naked_since_ms is None:
            continue
        naked = facts.now_ms - trade.naked_since_ms
        if naked > facts.allowed.naked_ms:
            yield Broken("I5", trade.id, f"no stop is confirmed since {naked} ms")


def flat_is_clean(facts: Facts) -> Iterator[Broken]:
    closed = {row.id: row for row in facts.trades if row.state == "closed"}
    for intent in facts.intents:
        trade = closed.get(intent.trade_id)
        if trade is None or intent.leg not in ("sl", "tp") or is_terminal(intent.state):
            continue
        last = max((row.recorded_ms for row in facts.fills if row.trade_id == trade.id), default=0)
        if facts.now_ms - last > facts.allowed.flat_ms:
            yield Broken("I6", intent.id, f"a {intent.leg} is {intent.state}, its trade is closed")


def fills_add_up(facts: Facts) -> Iterator[Broken]:
    came: defaultdict[str, Decimal] = defaultdict(lambda: ZERO)
    went: defaultdict[str, Decimal] = defaultdict(lambda: ZERO)
    sides = {row.id: opening_side(row.side) for row in facts.trades}
    for fill in facts.fills:
        if fill.trade_id not in sides:
            continue
        is_in = fill.side == sides[fill.trade_id]
        kept = fill.fee if is_in and _is_in_base(fill) else ZERO
        (came if is_in else went)[fill.trade_id] += fill.quantity - kept
    for trade in facts.trades:
        if trade.exited != went[trade.id]:
            what = f"fills out of it are {went[trade.id]}, the trade says {trade.exited}"
            yield Broken("I7", trade.id, what)
        if trade.entered < came[trade.id]:  # more is dust that it took over
            what = f"fills into it are {came[trade.id]}, the trade says {trade.entered}"
            yield Broken("I7", trade.id, what)


def risk_was_decided(facts: Facts) -> Iterator[Broken]:
    decided = {row.id: row.risk is not None for row in facts.intents}
    for order in facts.orders:
        if order.attempt > 0 and not decided.get(order.intent_id, True):
            yield Broken("I8", order.id, "it left without a recorded risk decision")


def halts_hold(facts: Facts) -> Iterator[Broken]:
    intents = {row.id: row for row in facts.intents if row.leg == "entry"}
    for order in facts.orders:
        intent = intents.get(order.intent_id)
        if intent is None or order.attempt == 0 or order.state == "READY":
            continue
        scopes = covering(intent)
        for halt in facts.halts:
            if halt.scope not in scopes or order.signed_ms <= halt.from_ms:
                continue
            if halt.until_ms is None or order.signed_ms < halt.until_ms:
                late = order.signed_ms - halt.from_ms
                if late > facts.allowed.halt_ms:
                    yield Broken("I9", order.id, f"it left {late} ms after a halt of {halt.scope}")


_STEPS = frozenset((before, after) for (before, _), after in TABLE.items())


def moves_are_legal(facts: Facts) -> Iterator[Broken]:
    at: dict[str, str] = {}
    for intent, state in facts.moves:
        before = at.get(intent)
        if before is not None and before != state and (before, state) not in _STEPS:
            yield Broken("I10", intent, f"it went from {before} to {state}")
        at[intent] = state
    for row in (*facts.intents, *facts.trades):
        if row.epoch > facts.epochs.get(row.shard, row.epoch):
            yield Broken("I10", row.id, "it was written under an epoch that never was")


def generations_count(facts: Facts) -> Iterator[Broken]:
    for signal in facts.outdated:
        yield Broken("I11", signal, "a generation that is not current was acted on")


def sent_in_time(facts: Facts) -> Iterator[Broken]:
    expires = {row.id: row.expires_ms for row in facts.intents if row.leg == "entry"}
    for order in facts.orders:
        until = expires.get(order.intent_id)
        if until is not None and order.attempt > 0 and order.signed_ms > until:
            yield Broken("I12", order.id, f"it left {order.signed_ms - until} ms too late")


def profit_adds_up(facts: Facts) -> Iterator[Broken]:
    booked: defaultdict[str, Decimal] = defaultdict(lambda: ZERO)
    currencies = {row.id: row.currency for row in facts.trades}
    for line in facts.ledger:
        if line.currency == currencies.get(line.trade_id):
            booked[line.trade_id] += line.amount
    for trade in facts.trades:
        if trade.state == "closed" and trade.pnl is not None and trade.pnl != booked[trade.id]:
            what = f"its profit is {trade.pnl}, its ledger says {booked[trade.id]}"
            yield Broken("I18", trade.id, what)


CHECKS: tuple[Callable[[Facts], Iterator[Broken]], ...] = (
    one_order_each,
    one_in_doubt,
    no_phantom,
    everybody_decided,
    never_naked,
    flat_is_clean,
    fills_add_up,
    risk_was_decided,
    halts_hold,
    moves_are_legal,
    generations_count,
    sent_in_time,
    profit_adds_up,
)


def broken(facts: Facts) -> list[Broken]:
    return [one for check in CHECKS for one in check(facts)]


# ---- against the venue ---------------------------------------------------------------------------


def positions_agree(
    account: str, open_trades: Sequence[Any], held: Mapping[tuple[str, str], Decimal]
) -> Iterator[Broken]:
    """Futures positions are our trades and nothing else; what a person adds by hand shows here."""
    ours: defaultdict[tuple[str, str], Decimal] = defaultdict(lambda: ZERO)
    for trade in open_trades:
        sign = 1 if trade.side == "LONG" else -1
        ours[trade.instrument, trade.margin_currency] += sign * trade.quantity
    for place, quantity in sorted(ours.items()):
        theirs = held.get(place, ZERO)
        if theirs != quantity:
            what = f"{place[0]} holds {theirs} at the venue, its trades say {quantity}"
            yield Broken("I7", f"{account}:{place[0]}", what)


def rests_there(resting: Sequence[Any], listed: Collection[str]) -> Iterator[Broken]:
    """Orders that we believe to rest are in the venue's list of open ones."""
    for intent in resting:
        name = client_order_id(IntentId(intent.id), intent.leg, intent.number)
        if name not in listed:
            yield Broken("I3", intent.id, f"its {intent.leg} rests nowhere at the venue")


def stepped_back(signals: Sequence[Any]) -> list[str]:
    """Planned signals of a generation older than one that had decided an earlier trigger."""
    newest: dict[str, int] = {}
    found: list[str] = []
    for signal in sorted(signals, key=lambda one: one.trigger_open_ms):
        if signal.state != "planned":
            continue
        if signal.generation < newest.get(signal.deployment, 0):
            found.append(signal.id)
        newest[signal.deployment] = max(signal.generation, newest.get(signal.deployment, 0))
    return found


def _is_in_base(fill: Any) -> bool:
    base: str = fill.instrument.rpartition("-")[2].partition("_")[0]
    return bool(fill.instrument.startswith("spot:") and fill.fee_currency == base)
