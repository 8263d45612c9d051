"""What an account makes of a strategy's fills, by hand-computed cases."""

from collections.abc import Sequence
from decimal import Decimal

import pytest
from msgspec.structs import replace

from strategy_runtime.backtest.run import Result, backtest
from strategy_runtime.backtest.terms import Terms, generic
from strategy_runtime.engine.engine import Setting
from strategy_runtime.rules.instruments import Instrument
from strategy_runtime.sdk.bars import Bars, bars_of
from strategy_runtime.wire.messages import Candle
from tests.candles import candle, longer
from tests.unit.runtime.drive import FUTURE, SPOT, strategy

FREE = Terms(
    capital=Decimal(1_000),
    risk=Decimal("0.01"),
    leverage=Decimal(10),
    spread=Decimal(0),
    slippage=Decimal(0),
    funding=Decimal(0),
    fee=Decimal(0),
)


def rules(instrument: str = FUTURE, fee: str = "0") -> Instrument:
    return Instrument(
        id=instrument,
        kind="fut" if instrument.startswith("fut") else "spot",
        pair="B-BTC_USDT",
        base="BTC",
        quote="USDT",
        tick_size=Decimal("0.01"),
        quantity_step=Decimal("0.001"),
        min_quantity=Decimal("0.001"),
        min_notional=Decimal(5),
        maker_fee=Decimal(fee),
        taker_fee=Decimal(fee),
        max_leverage=Decimal(20),
    )


def script(says: dict[int, str]) -> str:
    """A strategy that says these things at these bars."""
    lines = [f"    if self.seen == {bar}:\n        return {call}" for bar, call in says.items()]
    return (
        "def on_start(self):\n    self.seen = -1\n"
        "def on_candle(self, candle):\n    self.seen += 1\n" + "\n".join(lines)
    )


def run(
    says: dict[int, str],
    candles: Sequence[Candle],
    terms: Terms = FREE,
    *,
    instrument: str = FUTURE,
    fee: str = "0",
    finer: Bars | None = None,
    resolution: str = "1m",
) -> Result:
    return backtest(
        strategy(script(says)),
        Setting(instrument, resolution),
        bars_of(resolution, candles),
        terms=terms,
        instrument=rules(instrument, fee),
        finer=finer,
    )


def flat(*prices: float) -> list[Candle]:
    return [candle(number, price) for number, price in enumerate(prices)]


def test_a_long_trade_by_hand() -> None:
    result = run(
        {0: "self.long(stop_loss=95)", 2: "self.exit_long(reason='enough')"},
        flat(100, 100, 104, 106, 106),
    )
    (trade,) = result.trades

    # 1 % of 1,000 at 5 a unit: 2 units, in at the next open 100, out at the open after the exit.
    assert (trade.side, float(trade.quantity)) == ("LONG", 2)
    assert (trade.entry_bar, float(trade.entry_price)) == (1, 100)
    assert (trade.exit_bar, float(trade.exit_price)) == (3, 106)
    assert (trade.cause, trade.reason) == ("signal", "enough")
    assert trade.pnl == 12
    assert result.curve.tolist() == [1000, 1000, 1008, 1012, 1012]


def test_a_short_trade_by_hand() -> None:
    result = run({0: "self.short(stop_loss=105)", 2: "self.exit_short()"}, flat(100, 100, 96, 90))
    (trade,) = result.trades

    assert (trade.side, float(trade.quantity), trade.pnl) == ("SHORT", 2.0, 20.0)
    assert result.curve.tolist() == [1000, 1000, 1008, 1020]


def test_entering_at_the_close_that_decided() -> None:
    candles = [candle(0, 99, close=100), candle(1, 101), candle(2, 101, close=103), candle(3, 108)]
    terms = replace(FREE, entry="close")
    result = run({0: "self.long(stop_loss=95)", 2: "self.exit_long()"}, candles, terms)
    (trade,) = result.trades

    assert (trade.entry_bar, float(trade.entry_price)) == (0, 100)
    assert (trade.exit_bar, float(trade.exit_price)) == (2, 103)
    assert trade.pnl == 6
    assert result.curve.tolist() == [1000, 1002, 1006, 1006]


@pytest.mark.parametrize(
    ("bar", "price", "cause"),
    [
        (candle(2, 100, 101, 94, 100), 95, "stop"),
        (candle(2, 100, 111, 99, 100), 110, "target"),
        (candle(2, 100, 111, 94, 100), 95, "stop"),  # both: the worse one
        (candle(2, 90, 100, 89, 95), 90, "stop"),  # jumped over: the open
        (candle(2, 115, 116, 114, 115), 115, "target"),
    ],
)
def test_stops_and_targets_fill_inside_the_candle(bar: Candle, price: float, cause: str) -> None:
    result = run(
        {0: "self.long(stop_loss=95, take_profit=110)"}, [*flat(100, 100), bar, candle(3, 100)]
    )
    (trade,) = result.trades

    assert (float(trade.exit_price), trade.cause, trade.exit_bar) == (price, cause, 2)
    assert trade.pnl == pytest.approx(2 * (price - 100))


def test_a_stop_may_be_met_in_the_candle_of_the_entry() -> None:
    result = run({0: "self.long(stop_loss=95)"}, [candle(0, 100), candle(1, 100, 100, 94, 99)])
    (trade,) = result.trades

    assert (trade.entry_bar, trade.exit_bar, trade.cause) == (1, 1, "stop")
    assert result.curve.tolist() == [1000, 990]


@pytest.mark.parametrize(("first", "cause"), [("target", "target"), ("stop", "stop")])
def test_finer_candles_tell_which_level_came_first(first: str, cause: str) -> None:
    minutes = [candle(n, 100.0) for n in range(15)]
    start = next(n for n, bar in enumerate(minutes) if bar.open_ms % 300_000 == 0)
    minutes = [candle(start + n, 100.0) for n in range(15)]
    high, low = candle(start + 11, 100, 111, 100, 100), candle(start + 13, 100, 100, 94, 100)
    if first == "stop":
        high, low = candle(start + 13, 100, 111, 100, 100), candle(start + 11, 100, 100, 94, 100)
    minutes[high.seq - minutes[0].seq] = high
    minutes[low.seq - minutes[0].seq] = low
    says = {0: "self.long(stop_loss=95, take_profit=110)"}

    coarse = run(says, longer(minutes, "5m"), resolution="5m")
    fine = run(says, longer(minutes, "5m"), resolution="5m", finer=bars_of("1m", minutes))

    assert coarse.trades[0].cause == "stop"
    assert fine.trades[0].cause == cause
    assert fine.trades[0].exit_ms == minutes[11].open_ms


def test_fees_spread_and_slippage_are_paid_both_ways() -> None:
    terms = replace(FREE, spread=Decimal("0.002"), slippage=Decimal("0.001"), fee=None)
    result = run(
        {0: "self.long(stop_loss=95)", 1: "self.exit_long()"},
        flat(100, 100, 110),
        terms,
        fee="0.001",
    )
    (trade,) = result.trades

    # Half of the spread and the slippage, 0.2 %, on each price; then 0.1 % of each value.
    assert (trade.entry_price, trade.exit_price) == (Decimal("100.20"), Decimal("109.78"))
    quantity = float(trade.quantity)
    # 1 % of 1,000 over the way to the stop and both fees.
    assert quantity == pytest.approx(10 / (100.2 - 95 + 0.1002 + 0.095), abs=0.001)
    assert trade.fees == pytest.approx(quantity * (100.2 + 109.78) * 0.001)
    assert trade.pnl == pytest.approx(quantity * (109.78 - 100.2) - trade.fees)
    assert result.metrics.final_equity == pytest.approx(1000 + trade.pnl)


def test_a_target_is_a_limit_order_and_slips_nothing() -> None:
    terms = replace(FREE, slippage=Decimal("0.01"))
    result = run(
        {0: "self.short(stop_loss=105, take_profit=90)"},
        [*flat(100, 100), candle(2, 95, 96, 89, 92)],
        terms,
    )

    assert result.trades[0].exit_price == 90


def test_funding_is_paid_by_longs_at_its_hours() -> None:
    hours = [candle(n, 100.0, resolution="1h") for n in range(20)]
    says = {0: "self.long(stop_loss=95)", 18: "self.exit_long()"}
    terms = replace(FREE, funding=Decimal("0.001"))

    long = run(says, hours, terms, resolution="1h").trades[0]
    short = run(
        {n: call.replace("long", "short").replace("95", "105") for n, call in says.items()},
        hours,
        terms,
        resolution="1h",
    ).trades[0]

    moments = sum(bar.open_ms % 28_800_000 == 0 for bar in hours[2:])
    assert moments in {2, 3}
    assert long.funding == pytest.approx(2 * 100 * 0.001 * moments)
    assert short.funding == -long.funding
    assert long.pnl == -long.funding


def test_without_a_stop_leverage_can_be_liquidated() -> None:
    terms = replace(FREE, mode="leveraged_risk", risk=Decimal("0.5"))
    result = run(
        {0: "self.long()"}, [*flat(100, 100), candle(2, 95, 96, 80, 81), candle(3, 120)], terms
    )
    (trade,) = result.trades

    # A tenth of the value as margin, less 2 % maintenance: 8 % below the entry.
    assert (trade.cause, float(trade.exit_price)) == ("liquidation", 92)
    assert trade.leverage == 10
    assert trade.exit_bar == 2


def test_an_entry_that_the_rules_refuse_is_skipped_with_its_reason() -> None:
    small = replace(FREE, capital=Decimal(1))
    result = run({0: "self.long(stop_loss=95)"}, flat(100, 100, 100), small)

    assert result.trades == ()
    (skip,) = result.skipped
    assert skip.reason == "too_small"
    assert skip.capital_needed == pytest.approx(25)  # 0.05 units at a risk of 5


def test_without_a_stop_fixed_risk_trades_nothing() -> None:
    result = run({0: "self.long()"}, flat(100, 100, 100))

    assert [skip.reason for skip in result.skipped] == ["no_stop"]


def test_on_spot_there_is_no_leverage() -> None:
    result = run({0: "self.long(stop_loss=99.9)"}, flat(100, 100, 100), instrument=SPOT)

    # By risk it would be 100 units: the balance buys ten.
    assert result.trades[0].quantity == 10
    assert result.trades[0].leverage == 1


def test_compounding_sizes_by_what_the_account_became() -> None:
    says = {0: "self.long(stop_loss=95)", 1: "self.exit_long()", 3: "self.long(stop_loss=145)"}
    candles = flat(100, 100, 150, 150, 150)

    fixed = run(says, candles).trades
    compound = run(says, candles, replace(FREE, compound=True)).trades

    assert [trade.quantity for trade in fixed] == [2, 2]
    assert [trade.quantity for trade in compound] == [2, Decimal("2.2")]


def test_what_is_open_at_the_end_is_valued_at_the_last_close() -> None:
    result = run({0: "self.long(stop_loss=95)"}, flat(100, 100, 103))

    assert result.ledger.open_at_end
    assert (result.trades[0].cause, result.trades[0].pnl) == ("end", 6)


def test_a_reversal_is_two_trades() -> None:
    result = run({0: "self.long(stop_loss=95)", 2: "self.short(stop_loss=105)"}, flat(*[100] * 5))

    assert [(t.side, t.entry_bar, t.exit_bar) for t in result.trades] == [
        ("LONG", 1, 3),
        ("SHORT", 3, 4),
    ]


def test_the_curve_adds_up_to_the_trades() -> None:
    from strategy_runtime.loader import load
    from tests.candles import walk
    from tests.unit.templates.figures import ROOT

    kind = load((ROOT / "sma_cross" / "strategy.py").read_text())
    result = backtest(kind, Setting(FUTURE, "1m"), bars_of("1m", walk(3_000)))

    assert len(result.trades) > 50
    total = sum(trade.pnl for trade in result.trades)
    assert result.curve[-1] == pytest.approx(10_000 + total)
    assert result.metrics.final_equity == result.curve[-1]


def test_a_generic_instrument_has_steps_that_fit_its_price() -> None:
    made = [generic("spot:B-X_USDT", price) for price in (80_000.0, 1.0, 0.00002)]

    assert [float(one.tick_size) for one in made] == [0.1, 0.00001, 1e-10]
    assert [float(one.quantity_step) for one in made] == [0.00001, 0.1, 1.0]
