"""The range that a backtest was asked for."""

from control_plane.backtests.models import DAY_MS, span

NOW = 100 * DAY_MS


def test_it_is_the_last_days_unless_said_otherwise() -> None:
    assert span(None, None, None, NOW, 30) == (70 * DAY_MS, NOW)
    assert span(None, None, 7, NOW, 30) == (93 * DAY_MS, NOW)


def test_what_was_said_counts() -> None:
    assert span(5, None, 7, NOW, 30) == (5, NOW)
    assert span(5, 9, None, NOW, 30) == (5, 9)
    assert span(None, 50 * DAY_MS, 10, NOW, 30) == (40 * DAY_MS, 50 * DAY_MS)
