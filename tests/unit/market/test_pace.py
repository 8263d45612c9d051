from control_plane.core.clock import MarketTime
from control_plane.market.models.pace import LONGEST_GAP_MS, behind_seconds, settle

NOW = 1_790_000_000_000
KNOWN = MarketTime(NOW, NOW, 60.0)


def test_a_new_market_starts_at_the_time_of_day() -> None:
    assert settle(None, None, NOW, 60.0).time == MarketTime(NOW, NOW, 60.0)


def test_a_short_absence_changes_nothing() -> None:
    setting = settle(KNOWN, NOW + 60_000, NOW + 30_000, 60.0)

    assert (setting.time, setting.reason) == (KNOWN, None)


def test_an_absence_at_the_bound_is_still_a_gap() -> None:
    setting = settle(MarketTime(NOW, NOW), NOW, NOW + LONGEST_GAP_MS, 1.0)

    assert setting.reason is None


def test_during_a_longer_absence_the_market_stood_still() -> None:
    now = NOW + LONGEST_GAP_MS + 1
    setting = settle(MarketTime(NOW, NOW), NOW, now, 1.0)

    assert setting.time.at(now) == NOW
    assert setting.reason == "stood still during an absence"


def test_a_new_speed_goes_on_from_where_the_market_is() -> None:
    now = NOW + 1_000
    setting = settle(KNOWN, NOW + 60_000, now, 10.0)

    assert setting.time.at(now) == KNOWN.at(now)
    assert setting.time.at(now + 1_000) == KNOWN.at(now) + 10_000


def test_a_clock_that_was_set_back_does_not_stop_the_market() -> None:
    now = NOW - 3_600_000
    setting = settle(KNOWN, NOW, now, 60.0)

    assert setting.time.at(now) == NOW


def test_lag_is_counted_in_real_time() -> None:
    assert behind_seconds(KNOWN, NOW, NOW + 2_000) == 2.0
