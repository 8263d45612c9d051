from collections import Counter
from pathlib import Path

import msgspec
import pytest

from control_plane.cli.making import simulated
from strategy_runtime.backtest.author import opened, read_subject, shipped
from strategy_runtime.engine.course import Course
from strategy_runtime.engine.engine import Decision, Engine, Setting
from strategy_runtime.feeds.replay import replay
from strategy_runtime.loader import load
from strategy_runtime.sdk import BaseStrategy
from strategy_runtime.sdk.params import resolve
from tests.candles import longer, walk
from tests.unit.templates.figures import MARK, OLDER, ROOT, line, result

TEMPLATES = sorted(path.parent.name for path in ROOT.glob("*/strategy.py"))
NEWER = [name for name in TEMPLATES if name not in OLDER]


def template(name: str) -> tuple[type[BaseStrategy], dict[str, object]]:
    folder = ROOT / name
    parameters = msgspec.json.decode((folder / "parameters.json").read_bytes())
    return load((folder / "strategy.py").read_text()), parameters


def run(name: str, count: int, seed: int = 7) -> list[Decision]:
    kind, setting = opened(read_subject(ROOT / name), resolution="1m")
    course = Course(Engine(kind, setting), "1m", committed_ms=-1, start_ms=0)
    candles = walk(count, seed=seed)
    return list(replay(course, candles, {r: longer(candles, r) for r in setting.resolutions}))


def test_there_are_templates_of_every_style() -> None:
    assert len(TEMPLATES) >= 8
    assert {"donchian_trend", "rsi_reversion", "sma_cross", *OLDER} <= set(TEMPLATES)


@pytest.mark.parametrize("name", NEWER)
def test_the_shipped_parameters_are_the_defaults(name: str) -> None:
    kind, parameters = template(name)

    assert parameters == resolve(kind, {})


@pytest.mark.parametrize("name", NEWER)
def test_every_parameter_is_explained(name: str) -> None:
    kind, _ = template(name)
    text = (ROOT / name / "README.md").read_text()

    assert [parameter for parameter in resolve(kind, {}) if f"`{parameter}`" not in text] == []


@pytest.mark.parametrize("name", TEMPLATES)
def test_its_readme_tells_what_a_backtest_makes_of_it(name: str) -> None:
    text = (ROOT / name / "README.md").read_text()

    assert [row for row in text.splitlines() if row.startswith(MARK)] == [line(name)]


@pytest.mark.parametrize("name", TEMPLATES)
def test_it_trades_and_never_fails(name: str) -> None:
    found = result(name)

    assert found.errors() == {}
    assert len(found.trades) + len(found.skipped) >= 20
    assert {trade.side for trade in found.trades} == (
        {"LONG"} if found.setting.instrument.startswith("spot:") else {"LONG", "SHORT"}
    )


@pytest.mark.parametrize("name", ["donchian_trend", "rsi_reversion", "sma_cross"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_the_demo_runs_trades_often(name: str, seed: int) -> None:
    outcomes = Counter(decision.outcome for decision in run(name, 600, seed))

    assert outcomes["failed"] == 0
    assert outcomes["signal"] >= 10


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_entry_carries_a_stop(name: str) -> None:
    decisions = result(name).sweep.decisions
    entries = [s for _, d in decisions for s in d.signals if s.action in {"LONG", "SHORT"}]

    assert entries
    assert all(signal.stop_loss is not None for signal in entries)


@pytest.mark.parametrize("name", TEMPLATES)
def test_the_same_candles_give_the_same_signals(name: str) -> None:
    assert run(name, 120) == run(name, 120)


def test_an_average_that_is_not_faster_is_refused() -> None:
    kind, _ = template("sma_cross")

    with pytest.raises(Exception, match=r"fast \(30\) must be below slow \(20\)"):
        Engine(kind, Setting(kind.instrument, "1m", {"fast": 30}))


def test_the_shipped_candles_are_what_their_recipe_makes() -> None:
    instrument = "fut:B-SOL_USDT"
    recorded = shipped(instrument)

    assert recorded is not None
    assert recorded.sha256() == simulated(instrument, 14, 1).sha256()
    assert Path(ROOT / "data" / "README.md").read_text().count("slipway candles") == 4
