"""What an author does without a server, as they type it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from control_plane.cli.backtesting import sparkline
from control_plane.cli.main import app
from control_plane.cli.making import templates
from control_plane.errors import SlipwayError
from strategy_runtime.backtest.files import read, write
from strategy_runtime.sdk.bars import BadBars, bars_of
from tests.candles import walk

BAD = """
from strategy_runtime import BaseStrategy

class Bad(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "1m"

    def on_candle(self, candle):
        if candle.seq % 10 == 0:
            return self.long(stop_loss=candle.close * 1.1)
"""


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def slipway(*words: str, fails: bool = False) -> Result:
    said = CliRunner().invoke(app, list(words))
    assert (said.exit_code != 0) == fails, (said.output, said.exception)
    return said


def candles(count: int = 600) -> str:
    write(bars_of("1m", walk(count)), Path("candles.csv"))
    return "candles.csv"


def test_a_new_strategy_can_be_backtested_and_reported_at_once() -> None:
    made = json.loads(slipway("new", "mine", "-t", "donchian_trend", "--json").stdout)
    found = json.loads(slipway("backtest", "mine", "--data", candles(), "--json").stdout)
    slipway("report", "mine", "--data", "candles.csv", "-o", "report.html")
    page = Path("report.html").read_text()

    assert {"strategy.py", "parameters.json", "README.md", "test_strategy.py"} == set(made["files"])
    assert found["metrics"]["trades"] == len(found["trades"]) > 0
    assert found["parameters"] == {"entry": 20, "leave": 10, "risk": 2.0}
    assert "http" not in page.replace("http-equiv", "")
    assert '"name":"mine"' in page
    assert "/*RESULT*/" not in page


def test_a_backtest_is_told_in_a_table_and_a_curve() -> None:
    slipway("new", "mine")
    said = slipway("backtest", "mine", "--data", candles()).stdout

    assert "Max drawdown" in said
    assert "▁" in said
    assert "! " in said


def test_parameters_and_terms_are_taken_from_the_command_line() -> None:
    slipway("new", "mine")
    data = candles()
    usual = json.loads(slipway("backtest", "mine", "--data", data, "--json").stdout)
    other = json.loads(
        slipway(
            *("backtest", "mine", "--data", data, "--json", "-p", "fast=3", "-p", "slow=9"),
            *("--fee", "0", "--slippage", "0", "--capital", "5000", "--entry", "close"),
        ).stdout
    )

    assert (other["parameters"]["fast"], other["terms"]["capital"]) == (3, 5000)
    assert other["metrics"]["trades"] > usual["metrics"]["trades"]
    assert other["metrics"]["fees"] == 0


@pytest.mark.parametrize("template", list(templates()))
def test_every_template_passes_its_check(template: str) -> None:
    slipway("new", "mine", "-t", template)

    found = json.loads(slipway("check", "mine", "--json").stdout)

    assert [f for f in found["findings"] if f["severity"] == "error"] == []
    assert found["passed"]


def test_a_check_runs_what_reads_well_and_names_the_line() -> None:
    Path("bad.py").write_text(BAD)

    found = json.loads(slipway("check", "bad.py", "--json", fails=True).stdout)

    (finding,) = (one for one in found["findings"] if one["severity"] == "error")
    assert "must lie below the price" in finding["message"]
    assert finding["line"] == 10


def test_a_replay_says_the_same_again() -> None:
    slipway("new", "mine")
    data = candles(200)
    Path("said.jsonl").write_text(slipway("replay", "mine", "--data", data).stdout)

    again = slipway("replay", "mine", "--data", data, "--against", "said.jsonl").stdout
    other = slipway(
        "replay", "mine", "--data", data, "--against", "said.jsonl", "-p", "fast=2", fails=True
    ).stdout

    assert again == "Every decision is the same.\n"
    assert "decisions differ" in other


def test_simulated_candles_are_the_same_for_one_seed() -> None:
    first = json.loads(slipway("candles", "a.csv.gz", "--days", "1", "--json").stdout)
    second = json.loads(slipway("candles", "b.csv.gz", "--days", "1", "--json").stdout)
    other = json.loads(
        slipway("candles", "c.csv.gz", "--days", "1", "--seed", "2", "--json").stdout
    )

    assert first["candles"] == 1_440
    assert first["sha256"] == second["sha256"] != other["sha256"]
    assert Path("a.csv.gz").read_bytes() == Path("b.csv.gz").read_bytes()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["new", "1st"], "is no name for a strategy"),
        (["new", "mine", "-t", "magic"], "There is no template 'magic'"),
        (["backtest", "nowhere"], "There is no nowhere"),
        (["candles", "a.csv", "--instrument", "fut:X"], "no simulated market 'fut:X'"),
        (["backtest", "bad.py", "--data", "bad.py"], "it is no .csv"),
        (["backtest", "bad.py", "-p", "fast"], "'fast' sets nothing"),
        (["backtest", "bad.py", "-p", "fast=1"], "there is no parameter 'fast'"),
        (["backtest", "broken.py"], "strategy.py, line 1"),
    ],
)
def test_what_cannot_be_done_is_refused_in_a_sentence(words: list[str], sentence: str) -> None:
    Path("bad.py").write_text(BAD)
    Path("broken.py").write_text("def broken(:\n")

    refusal = slipway(*words, fails=True).exception

    assert isinstance(refusal, SlipwayError)
    assert sentence in str(refusal)


def test_a_curve_in_one_line() -> None:
    assert sparkline([1.0, 2.0, 3.0]) == "▁▅█"
    assert sparkline([5.0, 5.0]) == "▁▁"
    assert sparkline([]) == ""


# ---- files -------------------------------------------------------------------------------------

HEAD = "time,open,high,low,close,volume\n"


@pytest.mark.parametrize(
    ("text", "resolution"),
    [
        (f"{HEAD}1700000100000,1,2,1,2,5\n1700000160000,1,2,1,2,5\n", "1m"),
        ("timestamp,Open,High,Low,Close\n1700000100,1,2,1,2\n1700000400,1,2,1,2\n", "5m"),
        (f"{HEAD}2024-01-01 00:00,1,2,1,2,5\n2024-01-01 01:00,1,2,1,2,5\n", "1h"),
        (f"{HEAD}1700000100000000,1,2,1,2,5\n1700000160000000,1,2,1,2,5\n", "1m"),
    ],
)
def test_times_come_in_many_forms(text: str, resolution: str) -> None:
    Path("some.csv").write_text(text)

    found = read(Path("some.csv"))

    assert (found.resolution, len(found)) == (resolution, 2)
    assert found.close.tolist() == [2, 2]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a,b\n1,2\n", "no column open, high, low, close"),
        ("open,high,low,close\n1,2,1,2\n", "no column of times"),
        (f"{HEAD}0,1,2,1,x,5\n", "no number"),
        (f"{HEAD}0,1,2,1,2,5\n61000,1,2,1,2,5\n", "of no resolution"),
        (f"{HEAD}60000,1,2,1,2,5\n0,1,2,1,2,5\n", "does not come after|of no resolution"),
        (f"{HEAD}soon,1,2,1,2,5\n", "a time is no date"),
    ],
)
def test_a_file_that_holds_no_candles_is_refused(text: str, sentence: str) -> None:
    Path("some.csv").write_text(text)

    with pytest.raises(BadBars, match=sentence):
        read(Path("some.csv"))


def test_what_is_written_is_read_again() -> None:
    bars = bars_of("1m", walk(100))
    write(bars, Path("some.csv.gz"))

    assert read(Path("some.csv.gz")).sha256() == bars.sha256()


# ---- searching ---------------------------------------------------------------------------------

SEARCH = ("optimise", "mine", "-p", "fast=3:9:3", "-p", "slow=12,20", "-p", "stop=2", "--json")


def test_a_search_gives_the_same_on_one_process_as_on_two() -> None:
    slipway("new", "mine")
    data = ("--data", candles(), "-p", "target=3", "--goal", "total_return")

    one = json.loads(slipway(*SEARCH, *data, "--jobs", "1").stdout)
    two = json.loads(slipway(*SEARCH, *data, "--jobs", "2").stdout)

    assert one == two
    assert one["tried"] == 6
    assert one["map"]["scores"]


def test_a_search_is_saved_and_reported() -> None:
    slipway("new", "mine")
    words = ("--data", candles(), "-p", "target=3", "--jobs", "1", "--save", "--html", "best.html")

    found = json.loads(slipway(*SEARCH, *words).stdout)
    plain = slipway(*SEARCH[:-1], *words).stdout

    page = Path("best.html").read_text()
    assert '"search":{"name":"mine"' in page
    assert "http" not in page.replace("http-equiv", "")
    kept = json.loads(Path("mine/parameters.json").read_text())
    assert {name: kept[name] for name in ("fast", "slow")} == found["best"]["point"]
    assert "return unseen" in plain
    assert "Backtest it with -p fast=" in plain


def test_the_strategy_of_the_docs_passes_its_check() -> None:
    docs = (Path(__file__).parents[3] / "docs" / "authors.md").read_text()
    Path("crossover.py").write_text(docs.partition("```python\n")[2].partition("```")[0])

    assert json.loads(slipway("check", "crossover.py", "--json").stdout)["passed"]
