from decimal import Decimal

import pytest

from strategy_runtime.engine.engine import Engine
from strategy_runtime.engine.failures import StrategyFailed
from strategy_runtime.wire.messages import Position, Tick
from tests.candles import START_MS, candle, walk
from tests.unit.runtime.drive import FUTURE, SPOT, actions, decisions, engine, strategy

CROSS = """
fast: int = param(3, ge=2)
slow: int = param(8, ge=3)

def on_start(self):
    self.quick = self.sma(self.fast)
    self.steady = self.ema(self.slow)
    self.strength = self.rsi(5)
    self.top = self.rolling_max(7)

def on_candle(self, candle):
    self.state["candles"] = self.state.get("candles", 0) + 1
    if self.quick.crossed_above(self.steady) and self.strength < 90:
        return self.long(stop_loss=candle.close * 0.99, take_profit=candle.close * 1.02)
    if self.quick.crossed_below(self.steady):
        return self.short(stop_loss=candle.close * 1.01)
"""


def say(text: str) -> Engine:
    """An engine whose strategy does this at each candle."""
    return engine(f"def on_candle(self, candle):\n    {text}")


def test_a_signal_carries_the_close_and_exact_prices() -> None:
    decision = say("return self.long(stop_loss=99.1, take_profit=104, reason='up')").decide(
        candle(0, 100.0, close=100.5)
    )

    (signal,) = decision.signals
    assert decision.outcome == "signal"
    assert decision.trigger == f"1m:{START_MS}"
    assert (signal.action, signal.reason) == ("LONG", "up")
    assert signal.price == Decimal("100.5")
    assert signal.stop_loss == Decimal("99.1")
    assert signal.take_profit == Decimal("104")


def test_asking_without_returning_counts() -> None:
    assert actions(say("self.long()").decide(candle(0))) == ["LONG"]


def test_nothing_asked_is_no_signal() -> None:
    decision = say("return None").decide(candle(0))

    assert (decision.outcome, decision.signals) == ("none", ())


def test_a_position_that_is_held_is_not_entered_again() -> None:
    made = say("return self.long()")

    assert [actions(made.decide(candle(n))) for n in range(3)] == [["LONG"], [], []]


def test_a_reversal_is_an_exit_then_an_entry() -> None:
    made = say("return self.long() if candle.close > 100 else self.short()")

    made.decide(candle(0, 101.0))
    assert actions(made.decide(candle(1, 99.0))) == ["EXIT_LONG", "SHORT"]


def test_an_exit_of_nothing_is_no_signal() -> None:
    assert say("return self.exit_long()").decide(candle(0)).outcome == "none"


def test_an_exit_goes_out_once_although_the_virtual_stop_was_met() -> None:
    made = say("self.exit_long() if candle.close < 90 else self.long(stop_loss=95)")

    made.decide(candle(0, 100.0))
    fallen = made.decide(candle(1, 100.0, low=80.0, close=85.0))
    again = made.decide(candle(2, 85.0))

    assert [fill.cause for fill in fallen.fills] == ["signal", "stop"]
    assert fallen.position.side is None
    assert actions(fallen) == ["EXIT_LONG"]
    assert again.outcome == "none"


def test_short_on_spot_only_leaves_what_was_bought() -> None:
    made = engine(
        "def on_candle(self, candle):\n    self.long() if candle.close > 100 else self.short()",
        instrument=SPOT,
    )

    assert actions(made.decide(candle(0, 99.0))) == []
    made.decide(candle(1, 101.0))
    assert actions(made.decide(candle(2, 99.0))) == ["EXIT_LONG"]


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        ("self.long(stop_loss=101)", "long(stop_loss=101) must lie below the price 100"),
        ("self.long(take_profit=99)", "long(take_profit=99) must lie above the price 100"),
        ("self.short(stop_loss=99)", "short(stop_loss=99) must lie above the price 100"),
        ("self.short(take_profit=100)", "short(take_profit=100) must lie below the price 100"),
        ("self.long(stop_loss=float('nan'))", "long(stop_loss=nan): a price is finite"),
        ("self.short(stop_loss=float('inf'))", "short(stop_loss=inf): a price is finite"),
        ("self.long(stop_loss=-1)", "long(stop_loss=-1.0): a price is finite and above zero"),
        ("self.long(stop_loss='99')", "long(stop_loss='99'): a price is a number"),
        ("self.long(stop_loss=True)", "long(stop_loss=True): a price is a number"),
        ("self.long(); self.short()", "asked for long and short at once"),
        ("return 'BUY'", "the hook returned 'BUY'"),
        ("self.sma(3)", "declare sma(3, close) in on_start"),
        ("raise SystemExit", "SystemExit"),
        ("self.state = [1]", "self.state is list"),
        ("self.state['x'] = (1, 2)", "self.state['x'] does not survive JSON"),
        ("self.state[1] = 2", "self.state has the key 1"),
        ("self.state['x'] = float('nan')", "self.state['x'] does not survive JSON"),
        ("self.state['x'] = object()", "self.state is no JSON"),
        ("self.state['x'] = 'y' * 20_000", "at most 16384"),
    ],
)
def test_what_cannot_be_meant_fails_with_a_sentence(call: str, sentence: str) -> None:
    decision = say(call).decide(candle(0, 100.0))

    assert decision.outcome == "failed"
    assert decision.signals == ()
    assert decision.position.pending == ()
    assert decision.error is not None
    assert sentence in decision.error


def test_a_failure_shows_the_authors_line_and_no_other() -> None:
    decision = say("return 1 / 0").decide(candle(0))

    assert decision.error == (
        "ZeroDivisionError: division by zero\n  strategy.py, line 4, in on_candle: return 1 / 0"
    )


def test_the_strategy_goes_on_after_a_failure() -> None:
    made = say("return self.long() if candle.close > 100 else 1 / 0")

    assert made.decide(candle(0, 99.0)).outcome == "failed"
    assert actions(made.decide(candle(1, 101.0))) == ["LONG"]


def test_a_strategy_that_fails_to_start_says_where() -> None:
    with pytest.raises(StrategyFailed, match=r"line 4, in on_start: raise KeyError"):
        engine("def on_start(self):\n    raise KeyError('x')\ndef on_candle(self, candle): ...")


def test_parameters_are_there_when_an_authors_init_runs() -> None:
    made = engine(
        "n: int = param(3)\n"
        "def __init__(self):\n    self.twice = 2 * self.n\n"
        "def on_candle(self, candle):\n    self.log(self.twice)",
        parameters={"n": 5},
    )

    assert made.decide(candle(0)).lines == (("info", "10"),)


def test_logs_and_metrics_belong_to_their_decision() -> None:
    made = say("self.log('hm', level='warning'); self.metric('c', candle.close)")
    made.decide(candle(0, 5.0))
    decision = made.decide(candle(1, 6.0))

    assert decision.lines == (("warning", "hm"),)
    assert decision.metrics == (("c", 6.0),)


def test_a_metric_that_is_not_a_number_yet_is_left_out() -> None:
    assert say("self.metric('c', float('nan'))").decide(candle(0)).metrics == ()


def test_state_travels_and_comes_back() -> None:
    body = "def on_candle(self, candle):\n    self.state['n'] = self.state.get('n', 0) + 1"
    made = engine(body)
    made.decide(candle(0))
    state = made.decide(candle(1)).state

    assert state == b'{"n":2}'
    assert engine(body, state=state).decide(candle(2)).state == b'{"n":3}'


def test_a_state_that_is_no_dict_is_refused() -> None:
    with pytest.raises(StrategyFailed, match=r"the state is b'\[1\]', no dict"):
        engine("def on_candle(self, candle): ...", state=b"[1]")


def test_a_skipped_candle_moves_the_position_and_asks_nobody() -> None:
    made = say("return self.long(stop_loss=95)")
    made.decide(candle(0, 100.0))
    decision = made.skip(candle(1, 100.0, low=90.0, close=100.0))

    assert (decision.outcome, decision.signals) == ("skipped", ())
    assert decision.position == Position(exit_due="LONG")


def test_ticks_decide_once_for_their_base_candle() -> None:
    made = engine(
        "ticks = True\ndef on_tick(self, tick):\n"
        "    if tick.price > 100: self.long(stop_loss=tick.price * 0.98)"
    )
    made.decide(candle(0))

    def tick(at_ms: int, price: str) -> Tick:
        return Tick(at_ms=START_MS + at_ms, price=Decimal(price), quantity=Decimal(1))

    assert made.decide_tick(tick(60_100, "99")) is None
    decision = made.decide_tick(tick(60_200, "101"))
    assert decision is not None
    assert decision.trigger == f"tick:{START_MS + 60_000}"
    assert actions(decision) == ["LONG"]
    assert made.decide_tick(tick(60_300, "102")) is None


def test_the_same_candles_give_the_same_decisions() -> None:
    candles = walk(500)

    assert decisions(engine(CROSS), candles) == decisions(engine(CROSS), candles)


@pytest.mark.parametrize("cut", [60, 61, 150, 333])
def test_a_restart_in_between_decides_as_one_run(cut: int) -> None:
    candles = walk(400)
    kind = strategy(CROSS)
    whole = decisions(engine(kind), candles)
    last = whole[cut - 1]

    resumed = engine(kind, state=last.state, position=last.position)
    for seen in candles[:cut]:
        resumed.warm(seen)

    assert [resumed.decide(later) for later in candles[cut:]] == whole[cut:]


def test_both_sides_are_traded_in_a_walk() -> None:
    said = {
        action for decision in decisions(engine(CROSS), walk(500)) for action in actions(decision)
    }

    assert said == {"LONG", "SHORT", "EXIT_LONG", "EXIT_SHORT"}


def test_on_stop_tells_what_went_wrong() -> None:
    made = engine("def on_candle(self, candle): ...\ndef on_stop(self):\n    raise OSError('late')")

    ((level, text),) = made.stop()
    assert level == "error"
    assert "OSError: late" in text
    assert say("...").stop() == []


def test_the_instrument_and_the_resolution_are_the_deployments() -> None:
    made = say("self.log(f'{self.instrument} {self.resolution}')")

    assert made.decide(candle(0)).lines == (("info", f"{FUTURE} 1m"),)
