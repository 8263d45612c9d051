"""Every fault of the catalogue: what the client makes of it, and what is true meanwhile."""

import asyncio
from decimal import Decimal

import pytest

from control_plane.brokers.coindcx import futures, futures_positions, spot
from control_plane.brokers.coindcx.outcomes import Accepted, Doubt, Reason
from tests.coindcx_sim.desk import Desk, limit, perpetual
from tests.coindcx_sim.faults import NAMES, Fault
from tests.coindcx_sim.switches import Switches

ORDER = limit("a", "7000000")
BTC = "B-BTC_USDT"

IN_DOUBT = [
    ("accept_then_500", 0, "", Doubt.SERVER_FAULT, 1),
    ("accept_then_503", 0, "", Doubt.SERVER_FAULT, 1),
    ("accept_then_429", 0, "", Doubt.RATE_LIMITED, 1),
    ("accept_then_hang", 0, "", Doubt.NO_ANSWER, 1),
    ("accept_then_reset", 0, "", Doubt.NO_ANSWER, 1),
    ("accept_then_html_502", 0, "", Doubt.SERVER_FAULT, 1),
    ("accept_then_html_502", 0, "200", Doubt.NOT_JSON, 1),
    ("lose_reply", 0, "", Doubt.NO_ANSWER, 1),
    ("delay_reply", 12, "", Doubt.NO_ANSWER, 1),
    ("empty_list", 0, "", Doubt.ODD_SHAPE, 1),
    ("bad_json", 0, "", Doubt.NOT_JSON, 1),
    ("lose_request", 0, "", Doubt.NO_ANSWER, 0),
    ("delay_request", 25, "", Doubt.NO_ANSWER, 0),
    ("429", 0, "", Doubt.RATE_LIMITED, 0),
    ("503_window", 5, "", Doubt.SERVER_FAULT, 0),
]


@pytest.mark.parametrize(("name", "value", "detail", "doubt", "orders"), IN_DOUBT)
async def test_what_cannot_be_known_is_unknown(
    name: str, value: float, detail: str, doubt: Doubt, orders: int
) -> None:
    desk = Desk()
    desk.fault(name, value, path="/create", detail=detail)
    found = await _while_time_passes(desk, ORDER)
    assert found is doubt
    await desk.wait(60)
    assert len(desk.exchange.world.ledger.of("order_accepted")) == orders


async def _while_time_passes(desk: Desk, order: spot.NewOrder) -> Doubt:
    async with asyncio.TaskGroup() as group:
        asked = group.create_task(desk.doubt(desk.creating(order)))
        await desk.clock.advance(15)
    return asked.result().doubt


async def test_a_request_that_is_late_but_within_the_window_is_accepted() -> None:
    desk = Desk()
    desk.fault("delay_request", 9, path="/create")
    assert await _while_time_passes(desk, ORDER) is Doubt.NO_ANSWER
    await desk.wait(1)
    assert len(desk.exchange.world.ledger.of("order_accepted")) == 1


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("401", Reason.NOT_AUTHORISED),
        ("stale_timestamp", Reason.STALE_TIMESTAMP),
        ("dup_coid_refuse", Reason.DUPLICATE_CLIENT_ID),
    ],
)
async def test_a_refusal_is_a_refusal(name: str, reason: Reason) -> None:
    desk = Desk()
    desk.fault(name, path="/create")
    assert (await desk.refused(desk.creating(ORDER))).reason is reason
    assert not desk.exchange.world.ledger.of("order_accepted")


async def test_an_order_stays_invisible_for_its_time() -> None:
    desk = Desk()
    desk.fault("invisible_for", 5, path="/create")
    await desk.place(ORDER)
    await desk.wait(4.9)
    found = await desk.refused(spot.status(client_order_id="a"))
    assert found.reason is Reason.NOT_FOUND
    assert not await desk.ask(spot.active_orders("BTCINR"))
    await desk.wait(0.2)
    assert (await desk.ask(spot.status(client_order_id="a"))).status == "open"


async def test_an_accepted_order_is_rejected_afterwards() -> None:
    desk = Desk()
    desk.fault("reject_after_ack", path="/create")
    assert (await desk.place(ORDER)).status == "init"
    await desk.wait(0.1)
    assert (await desk.ask(spot.status(client_order_id="a"))).status == "rejected"
    assert await desk.free("INR") == 10_000_000


async def test_a_duplicate_that_the_venue_lets_through_shows_in_the_ledger() -> None:
    desk = Desk()
    await desk.place(ORDER)
    desk.fault("dup_coid_accept", path="/create")
    await desk.place(ORDER)
    assert desk.exchange.world.ledger.repeated_client_ids() == [("key-0", "a")]


@pytest.mark.parametrize(
    ("name", "acknowledged"), [("fill_before_cancel", False), ("fill_after_cancel", True)]
)
async def test_a_fill_races_the_cancel(name: str, acknowledged: bool) -> None:
    desk = Desk()
    made = await desk.place(ORDER)
    await desk.wait(0.1)
    desk.fault(name, path="/cancel")
    assert isinstance(await desk.outcome(spot.cancel(made.id)), Accepted) is acknowledged
    assert (await desk.ask(spot.status(made.id))).status == "filled"


async def test_a_stop_is_dropped_without_a_word() -> None:
    desk = Desk()
    desk.fault("drop_sl_silently", path="/create")
    await desk.place_futures(perpetual(stop_loss="79000", take_profit="81000"))
    await desk.wait(0.1)
    held = await desk.position(BTC)
    assert (held.stop_loss, held.take_profit) == (None, Decimal(81000))


async def test_an_order_is_split_and_its_reply_is_not_believed() -> None:
    desk = Desk()
    desk.fault("split_into_children", path="/create")
    call = futures.create(perpetual(), signed_ms=desk.now(), skew_ms=0)
    assert (await desk.doubt(call)).doubt is Doubt.ODD_SHAPE
    await desk.wait(0.1)
    children = await desk.ask(futures.orders("buy"))
    assert len({each.group_id for each in children}) == 1
    assert sum(each.quantity for each in children) == Decimal("0.01")


async def test_the_owner_acts_by_hand() -> None:
    desk = Desk()
    desk.strike("foreign_order", 0.001, "BTCINR")
    desk.strike("foreign_order", 0.01, BTC)
    await desk.place_futures(perpetual(pair="B-ETH_USDT", quantity="0.1", stop_loss="2500"))
    await desk.wait(0.1)
    assert sum(each["foreign"] for each in desk.exchange.world.ledger.of("order_accepted")) == 2
    desk.strike("user_cancels_our_sl")
    assert (await desk.position("B-ETH_USDT")).stop_loss is None
    desk.strike("user_closes_position")
    assert all(each.is_flat for each in await desk.ask(futures_positions.positions()))


async def test_the_venue_liquidates() -> None:
    desk = Desk()
    await desk.place_futures(perpetual())
    await desk.wait(0.1)
    desk.strike("liquidate")
    assert (await desk.position(BTC)).is_flat
    (row, _) = await desk.ask(futures_positions.transactions())
    assert (row.stage, row.source) == ("liquidation", "system")


async def test_balances_lag_behind_the_fill() -> None:
    desk = Desk()
    desk.strike("balance_lag", 2)
    await desk.place(limit("a", "7900000"))
    await desk.wait(1)
    assert await desk.free("BTC") == 5
    await desk.wait(1.5)
    assert await desk.free("BTC") == Decimal("5.001")


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [("dup_event", 0, 2), ("ws_gap", 5, 0), ("ws_silent", 0, 0), ("late_event", 3, 0)],
)
async def test_events_are_doubled_lost_or_late(name: str, value: float, expected: int) -> None:
    desk = Desk()
    heard: list[str] = []
    desk.exchange.outbox.listen("key-0", lambda event, rows: heard.append(event))
    desk.exchange.outbox.trouble("key-0", Fault(name, value), desk.now())
    made = await desk.place(limit("a", "7000000"))
    await desk.wait(0.1)
    assert heard.count("order-update") == expected
    await desk.wait(6)
    await desk.ask(spot.cancel(made.id))
    assert heard.count("order-update") >= (0 if name == "ws_silent" else 1)


async def test_events_arrive_in_another_order() -> None:
    desk = Desk()
    heard: list[str] = []
    desk.exchange.outbox.listen("key-0", lambda event, rows: heard.append(event))
    desk.exchange.outbox.trouble("key-0", Fault("reorder_events", 5), desk.now())
    await desk.place(limit("a", "7900000"))
    await desk.wait(0.1)
    straight = ["order-update", "balance-update", "trade-update", "order-update", "balance-update"]
    assert heard == straight[::-1]


async def test_a_seed_draws_the_same_faults_again() -> None:
    async def run() -> list[int]:
        desk = Desk(Switches(limits_on=False))
        desk.exchange.faults.seed(5, {Fault("accept_then_500"): 0.3, Fault("429"): 0.2})
        found = []
        for n in range(20):
            outcome = await desk.outcome(desk.creating(limit(f"a{n}", "7000000")))
            found.append(getattr(outcome, "status", 200))
        return found

    first = await run()
    assert first == await run()
    assert {200, 429, 500} <= set(first)


def test_every_fault_of_the_catalogue_has_a_name() -> None:
    catalogue = (
        "accept_then_500 accept_then_hang accept_then_reset accept_then_html_502 lose_request "
        "delay_request lose_reply delay_reply 429 503_window 401 stale_timestamp invisible_for "
        "empty_list bad_json partial_fill reject_after_ack drop_sl_silently both_sl_and_tp_fill "
        "split_into_children liquidate foreign_order user_cancels_our_sl dup_event reorder_events "
        "ws_gap ws_silent dup_coid_accept dup_coid_refuse"
    )
    assert set(catalogue.split()) <= set(NAMES)
    with pytest.raises(ValueError, match="no such fault"):
        Fault("earthquake")
