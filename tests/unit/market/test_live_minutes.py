"""Minutes that are closed by what the exchange says: frames, lists of bars, and their order."""

from hypothesis import given
from hypothesis import strategies as st

from control_plane.market.models.exchange_time import ExchangeTime
from control_plane.market.models.live import LiveMinutes, Shape
from control_plane.market.models.trades import MINUTE_MS
from strategy_runtime.wire.messages import Candle
from strategy_runtime.wire.resolutions import sequence

START = 1_788_000_000_000
PATIENCE = 1_500


def shape(volume: float, close: float = 10.0) -> Shape:
    return Shape(9.0, 12.0, 8.0, close, volume)


def at(minute: int) -> int:
    return START + minute * MINUTE_MS


def begun() -> LiveMinutes:
    return LiveMinutes(START, 10.0)


def test_a_frame_that_says_so_closes_its_minute() -> None:
    minutes = begun()
    minutes.heard(at(0), shape(3.0), is_final=False)
    assert minutes.ready() == []
    minutes.heard(at(0), shape(5.0), is_final=True)
    (made,) = minutes.ready()
    assert made == Candle(START, *shape(5.0), sequence("1m", START))
    minutes.heard(at(0), shape(5.0), is_final=True)
    assert minutes.ready() == []
    assert minutes.repeated == 1


def test_a_minute_that_was_not_closed_holds_back_those_after_it() -> None:
    minutes = begun()
    minutes.heard(at(1), shape(2.0), is_final=True)
    assert minutes.ready() == []
    assert minutes.lacking(at(2) + PATIENCE, PATIENCE) == (at(0), at(1))
    minutes.confirmed({at(0): shape(1.0), at(1): shape(2.0)}, at(0), at(1), is_settled=False)
    assert [one.open_ms for one in minutes.ready()] == [at(0), at(1)]


def test_nothing_is_lacking_before_a_minute_is_over_for_a_while() -> None:
    minutes = begun()
    assert minutes.lacking(at(1) + PATIENCE - 1, PATIENCE) is None
    assert minutes.lacking(at(1) + PATIENCE, PATIENCE) == (at(0), at(1))


def test_a_minute_without_a_trade_is_flat_at_the_close_before_it() -> None:
    minutes = begun()
    minutes.confirmed({at(1): shape(1.0)}, at(0), at(1), is_settled=False)
    (made,) = minutes.ready()
    assert (made.open, made.close, made.volume) == (10.0, 10.0, 0.0)


def test_a_list_that_ends_before_the_minute_is_asked_again_until_it_is_settled() -> None:
    minutes = begun()
    minutes.confirmed({}, at(0), at(1), is_settled=False)
    assert minutes.ready() == []
    minutes.confirmed({}, at(0), at(1), is_settled=True)
    assert len(minutes.ready()) == 1


def test_a_list_that_knows_less_than_we_were_told_is_asked_again() -> None:
    minutes = begun()
    minutes.heard(at(0), shape(5.0), is_final=False)
    minutes.confirmed({at(0): shape(4.0), at(1): shape(1.0)}, at(0), at(1), is_settled=False)
    assert minutes.ready() == []
    minutes.confirmed({at(0): shape(6.0), at(1): shape(1.0)}, at(0), at(1), is_settled=False)
    assert minutes.ready()[0].volume == 6.0


def test_a_feed_that_forgot_us_is_noticed_by_minutes_that_traded_unheard() -> None:
    minutes = begun()
    for minute in range(3):
        listed = {at(minute): shape(1.0), at(minute + 1): shape(1.0)}
        minutes.confirmed(listed, at(minute), at(minute + 1), is_settled=False)
    assert minutes.unheard == 3


FRAMES = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 4), st.booleans()), max_size=120)


@given(FRAMES, st.randoms(use_true_random=False))
def test_whatever_comes_in_whatever_order_each_minute_leaves_once_and_as_it_was(
    frames: list[tuple[int, int, bool]], rng: object
) -> None:
    """A frame is a true state of its minute, or its final one; the list is the truth."""
    truth = {at(m): shape(5.0, close=10.0 + m) for m in range(10) if m % 4 != 3}
    minutes, left = begun(), list[Candle]()
    for minute, volume, is_final in frames:
        if at(minute) in truth:
            true = truth[at(minute)]
            told = true if is_final else Shape(9.0, 11.0, 8.5, 9.5, float(volume))
            minutes.heard(at(minute), told, is_final=is_final)
        left += minutes.ready()
    minutes.confirmed(truth, at(0), at(10), is_settled=True)
    left += minutes.ready()
    assert [one.open_ms for one in left] == [at(m) for m in range(10)]
    for one in left:
        if one.open_ms in truth:
            assert Shape(one.open, one.high, one.low, one.close, one.volume) == truth[one.open_ms]
        else:
            assert one.volume == 0.0


def test_the_exchanges_clock_is_read_from_its_least_delayed_event() -> None:
    time = ExchangeTime()
    for delay in (900, 120, 4_000):
        time.heard(START, START + delay)
    assert time.now_ms(START + 4_000) == START + 3_880
    time.heard(START + 70_000, START + 70_300)
    assert time.delay_ms(START + 70_300) == 300  # the older ones are forgotten
