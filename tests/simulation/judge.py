"""What must hold at the end of a history, from our rows and the venue's own ledger."""

from collections import Counter, defaultdict
from dataclasses import replace
from decimal import Decimal
from typing import Any

from control_plane.core.ids import SHARDS, Shard
from control_plane.infra.db import Tx
from control_plane.orders.models import invariants
from control_plane.orders.store import invariants as store
from control_plane.tables import SCHEMA
from strategy_runtime.rules.money import ZERO
from tests.simulation.sea import SCALE, Sea


async def judge(sea: Sea) -> list[str]:
    wrong: list[str] = []
    facts = await sea.db.read(_facts, sea.now_ms())
    wrong += [f"{one.rule}: {one.subject}: {one.what}" for one in invariants.broken(facts)]
    intents = {row.id: row for row in facts.intents}
    if sea.exchange is not None:
        wrong += _at_coindcx(sea, intents, facts.orders, facts.fills)
    wrong += await _decided(sea)
    wrong += await _absence_was_true(sea)
    return wrong


def _facts(tx: Tx, now: int) -> invariants.Facts:
    """The whole history, halts that are over included."""
    every = frozenset(Shard(number) for number in range(SHARDS))
    allowed = invariants.Allowed(int(25_000 * SCALE), int(20_000 * SCALE), int(1_000 * SCALE))
    found = store.facts(tx, every, 0, now, allowed, ())
    standing: dict[str, int] = {}
    over: list[invariants.Halted] = []
    events = SCHEMA.tables["event"]
    query = events.select().where(events.c.subject_kind == "halt").order_by(events.c.number)
    for row in tx.all(query):
        if row.kind == "halted":
            standing[row.subject_id] = row.at_ms
        else:
            started = standing.pop(row.subject_id)
            over.append(invariants.Halted(row.subject_id, started, row.at_ms))
    return replace(found, halts=over)


def _at_coindcx(sea: Sea, intents: Any, orders: Any, fills: Any) -> list[str]:
    assert sea.exchange is not None
    ledger = sea.exchange.world.ledger
    wrong: list[str] = []
    bound = {(row.account_id, row.exchange_order_id): row for row in orders}
    per_entry: Counter[str] = Counter()
    for each in ledger.of("order_accepted"):
        if each["foreign"] or _is_the_positions(sea, each):
            continue
        row = bound.get((each["account"], each["order_id"]))
        if row is None:
            wrong.append(f"I2: the venue's order {each['order_id']} is in no row of ours")
            continue
        if intents[row.intent_id].leg == "entry":
            per_entry[row.intent_id] += 1
    wrong += [f"I1: the entry {one} has {n} orders" for one, n in per_entry.items() if n > 1]
    accepted = {(each["account"], each["order_id"]) for each in ledger.of("order_accepted")}
    for row in orders:
        if row.state in ("OPEN", "PARTIAL", "FILLED") and (
            (row.account_id, row.exchange_order_id) not in accepted
        ):
            wrong.append(f"I3: our order {row.id} is {row.state} and not at the venue")
    ours = {(row.account_id, row.exchange_fill_id) for row in fills}
    for each in ledger.of("fill"):
        row = bound.get((each["account"], each["order_id"]))
        if row is not None and not _has(ours, each):
            wrong.append(f"I7: the venue's fill {each['fill_id']} is in no row of ours")
    net: dict[tuple[str, str], Decimal] = defaultdict(lambda: ZERO)
    for each in ledger.of("fill"):
        sign = 1 if each["side"] == "buy" else -1
        net[each["account"], each["instrument"]] += sign * each["quantity"]
    wrong += [f"I7: {key} still holds {held}" for key, held in net.items() if held]
    return wrong


def _is_the_positions(sea: Sea, each: Any) -> bool:
    """A stop, a target or an exit that the venue made itself."""
    assert sea.exchange is not None
    found = sea.exchange.world.accounts[each["account"]].futures.get(each["order_id"])
    return found is not None and found.stage != "default"


def _has(ours: set[tuple[str, str]], each: Any) -> bool:
    return any(
        account == each["account"] and str(each["fill_id"]) in fill for account, fill in ours
    )


async def _decided(sea: Sea) -> list[str]:
    rows = [*await sea.rows("intent"), *await sea.rows("skip")]
    decided = Counter((row.signal_id, row.subscription_id) for row in rows if row.signal_id)
    follows = [(row.deployment_id, row.id) for row in await sea.rows("subscription")]
    expected = {
        (signal.id, subscription)
        for signal in await sea.rows("signal")
        if signal.state == "planned"
        for deployment, subscription in follows
        if deployment == signal.deployment_id
    }
    wrong = [f"I4: {one} has no intent and no skip" for one in sorted(expected - decided.keys())]
    return wrong + [f"I4: {one} was decided {n} times" for one, n in decided.items() if n > 1]


async def _absence_was_true(sea: Sea) -> list[str]:
    """Where nothing hides for longer than we assume, what was proved absent never shows up."""
    if sea.chart.hidden:
        return []
    return [
        f"I1: {row.subject_id} was proved absent and was there"
        for row in await sea.rows("event")
        if row.kind == "incident" and row.subject_kind == "intent"
    ]
