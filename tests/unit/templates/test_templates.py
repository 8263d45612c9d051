from collections import Counter
from pathlib import Path

import msgspec
import pytest

from strategy_runtime.engine.course import Course
from strategy_runtime.engine.engine import Decision, Engine, Setting
from strategy_runtime.feeds.replay import replay
from strategy_runtime.loader import load
from strategy_runtime.sdk import BaseStrategy
from strategy_runtime.sdk.params import resolve
from tests.candles import walk

ROOT = Path(__file__).parents[3] / "strategy_templates"
TEMPLATES = sorted(path.parent.name for path in ROOT.glob("*/strategy.py"))


def template(name: str) -> tuple[type[BaseStrategy], dict[str, object]]:
    folder = ROOT / name
    parameters = msgspec.json.decode((folder / "parameters.json").read_bytes())
    return load((folder / "strategy.py").read_text()), parameters


def run(name: str, count: int, seed: int = 7) -> list[Decision]:
    kind, parameters = template(name)
    setting = Setting(kind.instrument, kind.resolution, parameters, window=kind.lookback)
    course = Course(Engine(kind, setting), "1m", committed_ms=-1, start_ms=0)
    return list(replay(course, walk(count, seed=seed)))


def test_there_are_templates() -> None:
    assert {"donchian_trend", "rsi_reversion", "sma_cross"} <= set(TEMPLATES)


@pytest.mark.parametrize("name", TEMPLATES)
def test_the_shipped_parameters_are_the_defaults(name: str) -> None:
    kind, parameters = template(name)

    assert parameters == resolve(kind, {})


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_parameter_is_explained(name: str) -> None:
    kind, _ = template(name)
    text = (ROOT / name / "README.md").read_text()

    assert [parameter for parameter in resolve(kind, {}) if f"`{parameter}`" not in text] == []


@pytest.mark.parametrize("name", TEMPLATES)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_it_trades_often_and_never_fails(name: str, seed: int) -> None:
    outcomes = Counter(decision.outcome for decision in run(name, 600, seed))

    assert outcomes["failed"] == 0
    assert outcomes["signal"] >= 10


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_entry_carries_a_stop(name: str) -> None:
    entries = [
        signal
        for decision in run(name, 600)
        for signal in decision.signals
        if signal.action in {"LONG", "SHORT"}
    ]

    assert entries
    assert all(signal.stop_loss is not None for signal in entries)


@pytest.mark.parametrize("name", TEMPLATES)
def test_the_same_candles_give_the_same_signals(name: str) -> None:
    assert run(name, 300) == run(name, 300)


def test_an_average_that_is_not_faster_is_refused() -> None:
    kind, _ = template("sma_cross")

    with pytest.raises(Exception, match=r"fast \(30\) must be below slow \(20\)"):
        Engine(kind, Setting(kind.instrument, "1m", {"fast": 30}))
