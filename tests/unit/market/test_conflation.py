from decimal import Decimal

from control_plane.market.models.conflation import Conflation
from control_plane.market.models.trades import Trade
from strategy_runtime.wire.messages import Tick

D = Decimal


def trade(number: int, at_ms: int, price: str, quantity: str = "1") -> Trade:
    return Trade("spot:T", number, at_ms, D(price), D(quantity))


def test_one_tick_leaves_with_the_latest_price_and_everything_that_traded() -> None:
    ticks = Conflation()
    for one in (trade(1, 10, "5"), trade(3, 30, "7", "2"), trade(2, 20, "6")):
        ticks.add(one)

    assert ticks.due(1_000) == [("spot:T", Tick(30, D(7), D(4), 1_000))]


def test_the_next_one_waits_for_its_interval_and_then_has_the_newest() -> None:
    ticks = Conflation(100)
    ticks.add(trade(1, 10, "5"))
    ticks.due(1_000)
    ticks.add(trade(2, 20, "6"))

    assert ticks.due(1_099) == []
    ticks.add(trade(3, 30, "7"))
    assert [tick.price for _, tick in ticks.due(1_100)] == [D(7)]


def test_without_a_trade_nothing_leaves() -> None:
    ticks = Conflation(100)
    ticks.add(trade(1, 10, "5"))
    ticks.due(1_000)

    assert ticks.due(5_000) == []
