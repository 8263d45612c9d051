"""`slipway run --paper`: its feeds, its page, and a save while it runs."""

import json
import re
from collections.abc import Mapping
from io import StringIO
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import pytest
from rich.console import Console
from typer.testing import CliRunner

from control_plane.cli.feeding import Remote, Simulated, Step
from control_plane.cli.main import app
from control_plane.cli.paper import Watched, _reloaded, _taken, _warm
from control_plane.cli.paper_page import page, told
from control_plane.cli.session import Api
from control_plane.client import Call
from control_plane.core.clock import from_ms
from control_plane.errors import SlipwayError
from control_plane.market.models.catalogue import BY_ID
from strategy_runtime.backtest.paper import Paper
from strategy_runtime.backtest.terms import Terms
from strategy_runtime.wire.messages import Candle
from tests.candles import longer, walk
from tests.fakes.clock import FakeClock

LISTING = BY_ID["fut:B-BTC_USDT"]
CODE = """
from strategy_runtime import BaseStrategy


class Ticking(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "1m"

    def on_candle(self, candle):
        self.log("one")
        if candle.seq % 3 == 0:
            return self.long(stop_distance=candle.close * 0.01, reason="a third")
        return self.exit_long()
"""


class Hurried(FakeClock):
    """Whoever sleeps wakes at once."""

    async def sleep(self, seconds: float) -> None:
        return None


async def steps_of(feed: Simulated | Remote, count: int) -> list[Step]:
    found: list[Step] = []
    async for step in feed.steps():
        found.append(step)
        if len(found) == count:
            break
    return found


async def test_the_simulated_market_goes_on_where_its_past_ends() -> None:
    clock = Hurried()
    feed = Simulated(LISTING, ("1m", "5m"), clock, speed=60, seed=1, ticks=True)

    past = await feed.past(50)
    steps = await steps_of(feed, 10)

    minutes = [c.open_ms for step in (*past, *steps) for name, c in step.closed if name == "1m"]
    assert [b - a for a, b in pairwise(minutes)] == [60_000] * 259
    five = [step.closed for step in steps if len(step.closed) == 2]
    assert [[name for name, _ in closed] for closed in five] == [["5m", "1m"]] * 2
    assert all(step.ticks for step in steps)
    assert not any(step.ticks for step in past)


async def test_a_servers_candles_come_once_and_the_longer_ones_first() -> None:
    candles = walk(60)
    rows = {"1m": candles, "5m": longer(candles, "5m")}
    known = {"1m": 40, "5m": 7}

    class Answers:
        async def rows(self, asked: Call[Any]) -> list[Mapping[str, Any]]:
            name = asked.query["resolution"]
            some = rows[name][: known[name]][-asked.query["limit"] :]
            return [_row(one) for one in some]

    feed = Remote(cast("Api", Answers()), "fut:B-BTC_USDT", ("1m", "5m"), Hurried())
    past = await feed.past(30)
    known.update({"1m": 60, "5m": 12})
    after = await steps_of(feed, 24)

    seen = [(name, one.open_ms) for step in (*past, *after) for name, one in step.closed]
    assert len(seen) == len(set(seen))
    assert [one for name, one in seen if name == "1m"] == [c.open_ms for c in candles[10:]]
    at = {pair: place for place, pair in enumerate(seen)}
    last = rows["5m"][9]
    assert at["5m", last.open_ms] < at["1m", last.open_ms + 4 * 60_000]


def _row(one: Candle) -> dict[str, Any]:
    names = ("open", "high", "low", "close", "volume")
    prices = {name: getattr(one, name) for name in names}
    return {"open_at": from_ms(one.open_ms).isoformat(), "gap_filled": False, **prices}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "mine"
    made.mkdir()
    (made / "strategy.py").write_text(CODE)
    return made


def sailing(watched: Watched, count: int = 12) -> Paper:
    _, kind, setting = watched.opened()
    paper = Paper(kind, setting, LISTING.instrument, Terms())
    _warm(paper, [Step(closed=(("1m", one),)) for one in walk(40)[:5]])
    paper.start(kind, setting)
    for one in walk(40)[5 : 5 + count]:
        _taken(paper, Step(closed=(("1m", one),)))
    return paper


def test_the_page_shows_where_it_stands(folder: Path) -> None:
    paper = sailing(Watched(folder, None, None, {}))
    console = Console(width=100, record=True, file=StringIO())
    lines = [text for decision in paper.decisions for text in told(decision)]

    console.print(page("mine", paper, lines[-8:], "reloaded"))

    shown = console.export_text()
    assert "fut:B-BTC_USDT 1m" in shown
    assert "12 candles" in shown
    assert re.search(r"position +(flat|LONG from)", shown)
    assert "reloaded" in shown
    assert any("says LONG stop" in line and line.endswith("a third") for line in lines)


def test_a_save_is_taken_up_and_a_bad_one_is_told(folder: Path) -> None:
    watched = Watched(folder, None, None, {})
    paper = sailing(watched)
    assert not watched.has_changed()

    (folder / "strategy.py").write_text(CODE.replace("one", "two"))
    assert watched.has_changed()
    assert _reloaded(watched, paper) == "reloaded"
    _taken(paper, Step(closed=(("1m", walk(40)[30]),)))
    assert paper.decisions[-1].lines == (("info", "two"),)

    (folder / "strategy.py").write_text("class Broken(:\n")
    said = _reloaded(watched, paper)
    assert said.startswith("not reloaded, the one before goes on: strategy.py, line 1")

    (folder / "strategy.py").write_text(CODE.replace('"1m"', '"5m"'))
    assert "another market or resolution" in _reloaded(watched, paper)


def test_each_decision_is_a_line_for_programs(folder: Path) -> None:
    words = ["run", str(folder), "--paper", "--speed", "100000", "--candles", "6", "--json"]

    said = CliRunner().invoke(app, words)

    rows = [json.loads(line) for line in said.stdout.splitlines()]
    assert len(rows) == 6
    assert rows[0]["lines"] == ["one"]
    assert {row["outcome"] for row in rows} <= {"signal", "none"}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["run", "mine"], "play money only"),
        (["run", "mine", "--paper", "--instrument", "fut:X"], "no simulated market 'fut:X'"),
        (["run", "nowhere", "--paper"], "There is no nowhere"),
    ],
)
def test_what_cannot_run_says_why(
    folder: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], sentence: str
) -> None:
    monkeypatch.chdir(folder.parent)

    refusal = CliRunner().invoke(app, words).exception

    assert isinstance(refusal, SlipwayError)
    assert sentence in str(refusal)
