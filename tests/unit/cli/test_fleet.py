"""What the table of the fleet makes of a row."""

from datetime import UTC, datetime
from typing import Any

import pytest

from control_plane.cli.fleet import Meter, age, columns, lately, share
from control_plane.cli.show import fitting

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


def row(**changes: Any) -> dict[str, Any]:
    return {
        "id": "dp1",
        "name": "night",
        "instrument": "spot:B-BTC_USDT",
        "resolution": "1m",
        "observed": "running",
        "started_at": "2026-01-01T11:00:00Z",
        "beat_at": "2026-01-01T11:59:50Z",
        "generation": 2,
        "lag_ms": 3,
        "cpu_seconds": 35.9,
        "cpus_used": None,
        "cpus": 0.5,
        "memory_bytes": 64 * 1024 * 1024,
        "memory_mb": 128,
        "restarts": 0,
        "signals": 7,
        "reason": "",
        **changes,
    }


def cells(meter: Meter, found: dict[str, Any]) -> list[str]:
    return [column.of(found) for column in columns(meter, NOW)]


def test_use_stands_beside_its_limit() -> None:
    shown = cells(Meter(), row(cpus_used=0.25))

    assert shown[3:8] == ["60 min", "2", "3 ms", "0.25 50%", "64 MB 50%"]


def test_of_one_at_rest_nothing_is_told_that_is_past() -> None:
    assert cells(Meter(), row(cpus_used=0.25, observed="stopped"))[3:8] == ["", "2", "", "", ""]
    assert cells(Meter(), row(cpus_used=0.25, observed="restarting"))[7] == "64 MB 50%"


@pytest.mark.parametrize(
    ("width", "titles"),
    [
        (140, "name market state age gen lag cpu memory restarts signals reason"),
        (100, "name state age lag cpu memory restarts reason"),
        (80, "name state lag cpu memory reason"),
        (60, "name state cpu memory reason"),
        (40, "name state cpu memory reason"),
    ],
)
def test_what_fits_a_screen_is_shown_whole(width: int, titles: str) -> None:
    found = [row(name="donchian_trend", reason="takes no new position, and stops")]

    kept = fitting(found, columns(Meter(), NOW), width)

    assert " ".join(column.title for column in kept) == titles


def test_where_it_is_narrow_what_says_nothing_goes_first() -> None:
    kept = fitting([row()], columns(Meter(), NOW), 95)

    assert "reason" not in {column.title for column in kept}
    assert "gen" in {column.title for column in kept}


def test_a_moment_of_today_needs_no_date() -> None:
    assert len(lately("2026-01-01T11:00:00Z", NOW)) == 8
    assert len(lately("2025-12-25T11:00:00Z", NOW)) == 15


def test_a_young_one_has_its_average_and_a_silent_one_nothing() -> None:
    assert cells(Meter(), row())[6] == "0.01 2%"
    assert cells(Meter(), row(beat_at=None, cpu_seconds=None))[6] == ""


def test_two_heartbeats_tell_what_it_uses_now() -> None:
    meter = Meter()
    meter.look([row()])
    meter.look([row(beat_at="2026-01-01T11:59:55Z", cpu_seconds=37.9)])

    assert cells(meter, row())[6] == "0.40 80%"


def test_a_new_launch_is_measured_anew() -> None:
    meter = Meter()
    meter.look([row()])
    meter.look([row(generation=3, beat_at="2026-01-01T11:59:55Z", cpu_seconds=1.0)])

    assert meter.used == {}


def test_an_age_is_told_in_its_largest_unit() -> None:
    assert age(None, NOW) == ""
    assert age("2026-01-01T11:59:01Z", NOW) == "59 s"
    assert age("2025-12-29T12:00:00Z", NOW) == "3 d"


def test_what_is_unknown_is_left_empty() -> None:
    assert share(None, 1.0, "{:.2f}") == ""
