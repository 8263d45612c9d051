"""Parquet as others write it: types of their own, times as an index, values that are missing."""

import sys
from pathlib import Path

import duckdb
import pytest

from strategy_runtime.backtest.files import read, read_ticks, write
from strategy_runtime.backtest.recorded import BadBars, bars_of
from tests.candles import walk

BARS = """
SELECT {time} AS "{name}", 100.0 AS "Open", 102.5::DECIMAL(9, 2) AS "High", 99::INTEGER AS "Low",
    101::FLOAT AS "Close", {volume} AS "Volume", 'x' AS note
FROM range(3) AS made(n)
"""
MINUTE = "TIMESTAMPTZ '2024-03-01 05:30:00+05:30' + n * INTERVAL 1 MINUTE"
FIRST_MS = 1_709_251_200_000


def written(path: Path, time: str, name: str = "time", volume: str = "n * 2") -> Path:
    with duckdb.connect() as connection:
        query = BARS.format(time=time, name=name, volume=volume)
        connection.sql(query).write_parquet(str(path))
    return path


@pytest.mark.parametrize(
    ("time", "name"),
    [
        (MINUTE, "Date"),
        (MINUTE, "__index_level_0__"),  # what pandas makes of an index without a name
        (f"({MINUTE})::TIMESTAMP_NS", "timestamp"),
        (f"epoch_ms({MINUTE})", "open_ms"),
        (f"epoch({MINUTE})::INTEGER", "open_time"),
        (f"strftime(({MINUTE}) AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%SZ')", "datetime"),
    ],
)
def test_times_and_numbers_of_any_type_are_candles(tmp_path: Path, time: str, name: str) -> None:
    found = read(written(tmp_path / "a.parquet", time, name))
    assert found.resolution == "1m"
    assert found.open_ms.tolist() == [FIRST_MS, FIRST_MS + 60_000, FIRST_MS + 120_000]
    assert [found.column(each)[1] for each in ("open", "high", "low", "close", "volume")] == [
        100.0, 102.5, 99.0, 101.0, 2.0,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("time", "volume", "why"),
    [
        (MINUTE, "CASE n WHEN 1 THEN NULL ELSE n END", "candle 2, .* a volume .* not finite"),
        (f"CASE n WHEN 2 THEN NULL ELSE {MINUTE} END", "n", "a time is missing"),
        (f"CASE n WHEN 2 THEN NULL ELSE epoch_ms({MINUTE}) END", "n", "a time is missing"),
    ],
)
def test_what_is_missing_is_never_taken_for_a_value(
    tmp_path: Path, time: str, volume: str, why: str
) -> None:
    with pytest.raises(BadBars, match=why):
        read(written(tmp_path / "a.parquet", time, volume=volume))


def test_trades_are_read_from_it_too(tmp_path: Path) -> None:
    file = tmp_path / "trades.parquet"
    with duckdb.connect() as connection:
        query = f"SELECT {MINUTE} AS time, 100.5 AS price, 0.25 AS qty FROM range(2) AS made(n)"
        connection.sql(query).write_parquet(str(file))
    found = read_ticks(file)
    assert found.price.tolist() == [100.5, 100.5]


def test_the_same_candles_are_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one.parquet", "other.parquet"):
        write(bars_of("1m", walk(3_000)), tmp_path / name)
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "other.parquet").read_bytes()


def test_a_file_that_is_none_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_text("time,open\n")
    with pytest.raises(BadBars, match=r"a\.parquet cannot be read: .*arquet"):
        read(tmp_path / "a.parquet")


def test_without_the_extra_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(BadBars, match="pip install duckdb"):
        read(tmp_path / "a.parquet")
    with pytest.raises(BadBars, match="pip install duckdb"):
        write(bars_of("1m", walk(3)), tmp_path / "a.parquet")
