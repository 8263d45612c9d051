"""Seeded histories of orders under faults: what the broker claims in the end is what is so.

`SLIPWAY_HISTORIES=5000` sets how many; a failing seed is in the test's message.
"""

import asyncio
import os
import random
from collections.abc import Awaitable
from dataclasses import replace
from typing import TypeVar

from control_plane.brokers.errors import (
    NotSent,
    OrderRefused,
    OutcomeUnknown,
    VenueUnreachable,
)
from control_plane.brokers.models import OrderRequest, VenueOrder
from tests.coindcx_sim.broker import UNHURRIED
from tests.coindcx_sim.faults import Fault
from tests.coindcx_sim.switches import Switches
from tests.factories import D
from tests.unit.brokers.coindcx.test_adapter import Table

T = TypeVar("T")

HISTORIES = int(os.environ.get("SLIPWAY_HISTORIES", "60"))
SETTLE_SECONDS = 75.0
CHANCES = {
    Fault("accept_then_500"): 0.08,
    Fault("accept_then_hang"): 0.08,
    Fault("accept_then_reset"): 0.08,
    Fault("accept_then_html_502"): 0.06,
    Fault("accept_then_html_502", detail="200"): 0.06,
    Fault("lose_request"): 0.06,
    Fault("delay_request", 25): 0.06,
    Fault("delay_reply", 15): 0.06,
    Fault("429"): 0.04,
    Fault("503_window", 20): 0.02,
    Fault("invisible_for", 8): 0.06,
    Fault("bad_json"): 0.05,
    Fault("partial_fill", 1): 0.05,
    Fault("reject_after_ack"): 0.03,
}
ANYWHERE = ("/create", "/status", "/futures/orders", "/active_orders", "/trade_history")


def test_no_order_is_lost_doubled_or_imagined() -> None:
    for seed in range(HISTORIES):
        asyncio.run(history(seed))


async def history(seed: int) -> None:
    rng = random.Random(seed)
    switches = Switches(
        unknown_order=rng.choice((404, 422)),
        echo=rng.random() < 0.8,
        created_as=rng.choice(("init", "open")),
        remaining_after_cancel=rng.choice(("kept", "zero")),
        ids=rng.choice(("text", "number")),
        futures_page=rng.choice((2, 100)),
    )
    table = Table(switches, replace(UNHURRIED, deadline_seconds=8))
    table.desk.exchange.faults.seed(seed, CHANCES, ANYWHERE)
    for n in range(6):
        order = drawn(table, rng, n)
        claim, known = await resolved(table, order)
        truth = accepted(table, order)
        assert (claim is not None) == bool(truth), f"seed {seed}, order {n}: {claim} but {truth}"
        assert len(truth) <= 1, f"seed {seed}, order {n} was made twice"
        if claim is not None:
            assert claim.exchange_order_id == truth[0], f"seed {seed}, order {n}"
            filled = table.desk.exchange.world.ledger.filled("key-0", truth[0])
            assert claim.filled == filled, f"seed {seed}, order {n}: {claim.filled}, not {filled}"
        assert known in (None, *truth), f"seed {seed}, order {n}"


def drawn(table: Table, rng: random.Random, n: int) -> OrderRequest:
    """Each quantity is used once, which makes a futures order's fingerprint its own."""
    if rng.random() < 0.5:
        price = D(str(rng.choice((70000, 80000))))
        return table.request(f"h{n}", price=price, quantity=D("0.01") + D("0.001") * n)
    price = D(str(rng.choice((79000, 79900))))
    return table.entry(f"h{n}", price=price, quantity=D("0.01") + D("0.001") * n)


async def resolved(table: Table, order: OrderRequest) -> tuple[VenueOrder | None, str | None]:
    """Write-ahead, send once, and look until there is an answer that counts."""
    known: str | None = None
    try:
        known = (await driven(table, table.broker.place(order))).exchange_order_id
    except OrderRefused:
        return None, None
    except (OutcomeUnknown, NotSent):
        pass
    await table.desk.wait(SETTLE_SECONDS)
    absent = 0
    for _ in range(200):
        try:
            found = await driven(table, table.broker.find(order, known))
        except (VenueUnreachable, OrderRefused):
            await table.desk.wait(5)
            continue
        if found is not None:
            return found, known
        absent += 1
        if absent == 2:
            return None, known
        await table.desk.wait(1)
    raise AssertionError("no look came to an answer")


async def driven(table: Table, call: Awaitable[T]) -> T:
    """Time passes while an answer is awaited."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(caught(call))
        while not task.done():
            await table.desk.clock.advance(1)
            table.desk.exchange.advance(table.desk.now())
    found = task.result()
    if isinstance(found, Exception):
        raise found
    return found


async def caught(call: Awaitable[T]) -> T | Exception:
    try:
        return await call
    except (OrderRefused, OutcomeUnknown, NotSent, VenueUnreachable) as error:
        return error


def accepted(table: Table, order: OrderRequest) -> list[str]:
    return [
        each["order_id"]
        for each in table.desk.exchange.world.ledger.of("order_accepted")
        if each["quantity"] == order.quantity
        and each["instrument"].split(":")[0] == order.instrument.kind
    ]
