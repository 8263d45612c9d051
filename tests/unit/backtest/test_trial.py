"""What driving a strategy finds that reading it cannot."""

import pytest

from strategy_runtime.backtest.desk import Job, run
from strategy_runtime.backtest.trial import Trial, trial
from strategy_runtime.engine.engine import Setting
from strategy_runtime.sdk.bars import bars_of
from tests.candles import walk
from tests.unit.runtime.drive import FUTURE, HEAD
from tests.unit.runtime.test_older import CLASS, FUNCTION


def found(body: str, *, source: str = "") -> Trial:
    indented = "".join(f"    {line}\n" for line in body.strip("\n").splitlines())
    code = source or f"{HEAD}class Mine(BaseStrategy):\n{indented}"
    return trial(code, Setting(FUTURE, "1m", window=60), bars_of("1m", walk(300)), lambda: 0.0)


GOOD = """
def on_start(self):
    self.fast, self.slow = self.sma(3), self.sma(8)
def on_candle(self, candle):
    self.state["n"] = self.state.get("n", 0) + 1
    if self.fast.crossed_above(self.slow):
        return self.long(stop_distance=candle.close * 0.01)
    if self.fast.crossed_below(self.slow):
        return self.exit_long()
"""


def test_a_good_strategy_has_no_findings() -> None:
    report = found(GOOD)

    assert report.findings == ()
    assert report.candles == 300
    assert report.signals > 10


@pytest.mark.parametrize("code", [CLASS, FUNCTION], ids=["class", "function"])
def test_older_styles_are_driven_too(code: str) -> None:
    setting = Setting(FUTURE, "1m", manifest={"lookback_period": 60}, window=60)

    report = trial(code, setting, bars_of("1m", walk(300)), lambda: 0.0)

    assert [finding.rule for finding in report.findings if finding.severity == "error"] == []


@pytest.mark.parametrize(
    ("body", "rule", "words"),
    [
        ("def on_candle(self, candle):\n    1 / 0", "raised", "on 300 candles, first on candle 1"),
        ("def on_candle(self, candle):\n    return 5", "signal", "the hook returned 5"),
        (
            "def on_candle(self, candle):\n    return self.long(stop_loss=float('nan'))",
            "signal",
            "finite",
        ),
        ("def on_start(self):\n    self.sma(0)\ndef on_candle(self, c): ...", "start", "period"),
        (
            "seen = []\ndef on_candle(self, candle):\n    self.seen.append(1)\n"
            "    return self.long() if len(self.seen) == 400 else None",
            "chance",
            "decides otherwise",
        ),
        (
            "def on_candle(self, candle):\n    import random\n"
            "    return self.long() if random.random() < 0.5 else self.exit_long()",
            "chance",
            "decides otherwise",
        ),
        (
            "def on_start(self):\n    self.count = 0\ndef on_candle(self, candle):\n"
            "    self.count += 1\n    if self.count % 70 == 0:\n        return self.long()\n"
            "    if self.count % 35 == 0:\n        return self.exit_long()",
            "memory",
            "self.count did not come back",
        ),
        (
            "def on_candle(self, candle):\n    whole = self.history.close\n"
            "    whole = whole.base if whole.base is not None else whole\n"
            "    at = len(self.history)\n"
            "    return self.long() if whole[-1] > candle.close else self.exit_long()",
            "future",
            "it looks ahead",
        ),
        ("def on_candle(self, candle): ...", "silent", "no signal on 300 candles"),
    ],
)
def test_what_goes_wrong_is_found_by_running(body: str, rule: str, words: str) -> None:
    findings = {finding.rule: finding for finding in found(body).findings}

    assert rule in findings, findings
    assert words in findings[rule].message


def test_a_finding_names_the_authors_line() -> None:
    (finding, *_) = found("def on_candle(self, candle):\n    x = 1\n    return x / 0").findings

    assert finding.line == 5


def test_the_desk_runs_a_job_as_it_was_sent() -> None:
    bars = bars_of("1m", walk(200))
    names = ("open_ms", "open", "high", "low", "close", "volume")
    columns = {name: bars.column(name).tolist() for name in names}
    body = "".join(f"    {line}\n" for line in GOOD.strip().splitlines())
    code = f"{HEAD}class Mine(BaseStrategy):\n{body}"

    report = run(Job(code, FUTURE, "1m", 60, {}, {}, columns))

    assert report.findings == ()
    assert report.candles == 200
