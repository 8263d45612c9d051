"""What the static check tells an author."""

from pathlib import Path

import pytest

from control_plane.strategies.models.checking import check
from control_plane.strategies.models.findings import Finding
from control_plane.strategies.models.reading import RESERVED
from strategy_runtime.sdk import BaseStrategy

TEMPLATES = sorted(Path("strategy_templates").glob("*/strategy.py"))
HEAD = "from strategy_runtime import BaseStrategy, param\n"
GOOD = HEAD + (
    "class S(BaseStrategy):\n"
    "    '''Buys.'''\n"
    "    instrument = 'spot:B-BTC_USDT'\n"
    "    resolution = '5m'\n"
    "    fast: int = param(10, ge=2, le=200, description='fast')\n"
    "    def on_candle(self, candle):\n"
    "        return None\n"
)


def findings(code: str) -> list[Finding]:
    return check(code, {}).findings


def test_a_good_strategy_passes_with_its_outline() -> None:
    report = check(GOOD, {})

    assert report.passed
    assert report.findings == []
    outline = report.outline
    assert (outline.class_name, outline.description) == ("S", "Buys.")
    assert (outline.instrument, outline.resolution, outline.lookback) == (
        "spot:B-BTC_USDT",
        "5m",
        200,
    )
    (fast,) = outline.parameters
    assert (fast.name, fast.kind, fast.default, fast.bounds) == (
        "fast",
        "int",
        10,
        {"ge": 2, "le": 200},
    )


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.parent.name)
def test_each_shipped_template_passes(path: Path) -> None:
    assert check(path.read_text(), {}).findings == []


def test_the_manifest_wins_over_the_class() -> None:
    manifest = {"pair": "B-ETH_USDT", "resolution": "1h", "lookback_period": 50}
    outline = check(GOOD, manifest).outline

    assert (outline.instrument, outline.resolution, outline.lookback) == ("B-ETH_USDT", "1h", 50)


@pytest.mark.parametrize(
    "manifest",
    [{"resolution": "7m"}, {"resolution": 5}, {"lookback_period": 10**7}, {"custom_params": []}],
)
def test_a_wrong_manifest_is_a_finding(manifest: dict[str, object]) -> None:
    report = check(GOOD, manifest)

    assert [f.rule for f in report.findings] == ["manifest"]
    assert not report.passed


def test_the_reserved_names_are_the_sdk_s_own() -> None:
    own = {name for name in vars(BaseStrategy) if not name.startswith("_")}

    assert own <= RESERVED


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("import os", "import"),
        ("import os.path as p", "import"),
        ("from subprocess import run", "import"),
        ("import socket", "import"),
        ("import sklearn", "import"),
        ("from . import other", "import"),
        ("x = eval('1')", "call"),
        ("x = __import__('os')", "call"),
        ("x = open('/etc/passwd')", "call"),
        ("x = ().__class__.__base__.__subclasses__()", "attribute"),
        ("x = pandas.read_csv('f')", "call"),
    ],
)
def test_what_is_forbidden_is_told_with_its_line_and_column(line: str, rule: str) -> None:
    report = check(f"{GOOD}\n{line}\n", {})

    assert [(f.rule, f.line) for f in report.findings] == [(rule, GOOD.count("\n") + 2)]
    assert report.findings[0].column > 0
    assert not report.passed


@pytest.mark.parametrize("module", ["random", "time", "requests"])
def test_what_is_doubtful_is_a_warning_only(module: str) -> None:
    report = check(f"import {module}\n{GOOD}", {})

    assert [f.severity for f in report.findings] == ["warning"]
    assert report.passed


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("    def on_candle(self):\n        pass\n", "on_candle is called with self, candle"),
        ("    async def on_candle(self, c):\n        pass\n", "plain method"),
        ("    @staticmethod\n    def on_candle(c, d):\n        pass\n", "no decorator"),
        ("    on_candle = 5\n", "must be a method"),
        ("    def on_candle(self, c, *, d):\n        pass\n", "on_candle is called with"),
        ("    def on_candel(self, c):\n        pass\n", "no on_candle"),
        ("    def on_market_data(self, d):\n        pass\n", "a hook of an older style"),
        ("    ticks = True\n    def on_candle(self, c):\n        pass\n", "no on_tick"),
        ("    lookback = -1\n    def on_candle(self, c):\n        pass\n", "between 0 and"),
        ("    resolution = '7m'\n    def on_candle(self, c):\n        pass\n", "is none of"),
        ("    resolution = R\n    def on_candle(self, c):\n        pass\n", "plain value"),
        ("    n: int = param(1, ge=2)\n    def on_candle(self, c):\n        pass\n", "at least 2"),
        ("    n: int = param('a')\n    def on_candle(self, c):\n        pass\n", "is no int"),
        ("    n: list = param(1)\n    def on_candle(self, c):\n        pass\n", "its type must be"),
        ("    n: int = param(N)\n    def on_candle(self, c):\n        pass\n", "plain value"),
        ("    state: int = param(1)\n    def on_candle(self, c):\n        pass\n", "hides"),
        ("    n: str = param('a', ge=1)\n    def on_candle(self, c):\n        pass\n", "no bounds"),
    ],
)
def test_a_declaration_that_cannot_work_is_told(body: str, message: str) -> None:
    report = check(f"{HEAD}class S(BaseStrategy):\n{body}", {})

    assert any(message in f.message for f in report.findings), report.findings
    assert not report.passed


def test_a_misspelt_hook_is_guessed() -> None:
    (warning,) = findings(f"{GOOD}    def on_strat(self):\n        pass\n")

    assert (warning.severity, warning.hint) == ("warning", "Did you mean on_start?")


def test_a_base_in_the_file_is_no_second_strategy() -> None:
    code = GOOD + "class T(S):\n    slow: int = param(20)\n"

    report = check(code, {})

    assert report.passed
    assert report.outline.class_name == "T"
    assert [p.name for p in report.outline.parameters] == ["fast", "slow"]


def test_two_strategies_are_refused_by_name() -> None:
    code = GOOD + "class T(BaseStrategy):\n    def on_candle(self, candle): pass\n"

    assert findings(code)[0].message == "The file has several strategies: S, T."


@pytest.mark.parametrize(
    "imports",
    [
        "import strategy_runtime as sr\nclass S(sr.BaseStrategy):\n",
        "import strategy_runtime\nclass S(strategy_runtime.BaseStrategy):\n",
        "from strategy_runtime.sdk import BaseStrategy as B\nclass S(B):\n",
    ],
)
def test_the_base_is_known_by_any_of_its_names(imports: str) -> None:
    assert check(imports + "    def on_candle(self, candle): pass\n", {}).passed


OLDER = (
    "from base_strategy import BaseStrategy\n"
    "class S(BaseStrategy):\n"
    '    """Older."""\n'
    "    pair = 'B-BTC_USDT'\n"
    "    def on_market_data(self, market_data): return {}\n"
    "    def on_signal(self, signal): self.place_order('BUY', 1)\n"
    "strategy = S()\nstrategy.start()\n"
)


def test_the_older_class_style_passes() -> None:
    report = check(OLDER, {"resolution": "5m", "lookback_period": 90, "custom_params": {"n": 3}})

    assert report.findings == []
    assert report.outline.style == "on_market_data"
    assert (report.outline.class_name, report.outline.instrument) == ("S", "B-BTC_USDT")
    assert (report.outline.resolution, report.outline.lookback) == ("5m", 90)
    assert [(p.name, p.kind, p.default) for p in report.outline.parameters] == [("n", "int", 3)]


def test_the_older_function_style_passes() -> None:
    report = check("def main(data):\n    'Crosses.'\n    return {'action': 'BUY'}\n", {})

    assert report.findings == []
    assert (report.outline.style, report.outline.description) == ("main", "Crosses.")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (OLDER.replace("on_market_data", "on_data"), "has no on_market_data"),
        (OLDER.replace("self, market_data", "self"), "on_market_data is called with self, market"),
        (OLDER.replace("self, signal", "self, a, b"), "on_signal is called with self, signal"),
        (OLDER.replace("def on_signal", "async def on_signal"), "on_signal is a plain function"),
        ("def main():\n    return {}\n", "main is called with data"),
        ("async def main(data):\n    return {}\n", "main is a plain function"),
    ],
)
def test_an_older_style_that_cannot_work_is_told(code: str, message: str) -> None:
    assert any(message in finding.message for finding in findings(code)), findings(code)


def test_text_without_a_strategy_says_what_to_write() -> None:
    (finding,) = findings("x = 1\n")

    assert "BaseStrategy" in finding.hint


def test_a_syntax_error_has_its_place() -> None:
    (finding,) = findings("class S(:\n")

    assert (finding.rule, finding.line) == ("syntax", 1)
    assert finding.column > 0


def test_every_finding_is_told_at_once() -> None:
    code = "import os\nimport socket\n" + GOOD.replace("self, candle", "self")

    assert {f.rule for f in findings(code)} == {"import", "hook"}
    assert len(findings(code)) == 3
