"""What sockets said, recorded and said again: the same candles come of it."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from control_plane.cli.market import group
from control_plane.infra.db import Database
from control_plane.market import store
from control_plane.market.service.recording import Recorder, Replay, recorded
from strategy_runtime.backtest.files import read
from tests.fakes.clock import FakeClock
from tests.fakes.sockets import Replayed
from tests.unit.market.live import NAMES, Sea, clock_at_start

SPOT = next(iter(NAMES))


@pytest.fixture
def clock() -> FakeClock:
    return clock_at_start()


async def test_a_recording_replays_what_was_heard(
    memory: Database, clock: FakeClock, tmp_path: Path
) -> None:
    file = tmp_path / "frames.jsonl"
    recorder = Recorder(file, clock)
    sea = Sea(memory, clock)
    async with sea.sailing() as feeder:
        feeder.upstream.record = recorder
        await sea.passes(200)
    recorder.close()

    heard = [event for _, _, event in recorded(file)]
    assert {name for name, _ in heard} == {"new-trade", "candlestick"}
    ticks = [(one.instrument, one.at_ms, one.price) for one in sea.voice.ticks]

    again = Sea(memory, clock_at_start())
    again.sockets = Replayed(file, again.clock)  # type: ignore[assignment] # another of the same port
    async with again.sailing():
        await again.passes(200)
    replayed = [(one.instrument, one.at_ms, one.price) for one in again.voice.ticks]
    assert len(ticks) > 20
    assert set(ticks) >= set(replayed)
    assert len(replayed) >= len(ticks) - 4
    assert await memory.read(store.last_minute, SPOT) is not None

    replay = Replay()
    closed = [one for _, _, event in recorded(file) for one in replay.take(event)]
    kept = {c.open_ms: c for c in await memory.read(store.latest_candles, SPOT, "1m", 100)}
    mine = [one.candle for one in closed if one.instrument == SPOT]
    assert len(mine) >= 2
    for candle in mine[1:]:
        assert (candle.close, candle.volume) == (
            kept[candle.open_ms].close,
            kept[candle.open_ms].volume,
        )

    into = tmp_path / "minutes.parquet"
    words = ["replay", str(file), "--instrument", SPOT, "--into", str(into)]
    assert CliRunner().invoke(group, words).exit_code == 0
    assert read(into).close.tolist() == [candle.close for candle in mine]
    alone = CliRunner().invoke(group, words[:-2])
    assert "--instrument and --into go together" in str(alone.exception)
    other = CliRunner().invoke(group, [*words[:3], "spot:NOPE", *words[4:]])
    assert "closes no minute of 'spot:NOPE'" in str(other.exception)


def test_a_line_that_a_crash_broke_off_ends_the_recording(tmp_path: Path) -> None:
    file = tmp_path / "frames.jsonl"
    file.write_text('[1,"spot","new-trade",{"data":"{}"}]\n[2,"spot","new-tr')
    assert [at for at, _, _ in recorded(file)] == [1]
