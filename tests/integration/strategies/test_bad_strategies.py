"""Every way to get a strategy wrong that we have met, each with what its author is told.

A file of `tests/bad` says in its header which finding it must get, where, and in which words.
"""

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from control_plane.cli.checking import checked
from strategy_runtime.backtest.author import Subject, shipped
from strategy_runtime.backtest.files import write

BAD = Path(__file__).parents[2] / "bad"
FILES = sorted(BAD.glob("*.py"))
CANDLES = 400  # of five minutes
BOUND_SECONDS = 60.0  # of a machine that does much besides


@dataclass(frozen=True)
class Wanted:
    rule: str
    line: int
    column: int
    says: str
    beside: dict[str, Any] = field(default_factory=dict)


def wanted(code: str) -> Wanted:
    head = dict(
        row.removeprefix("# ").split(": ", 1) for row in code.splitlines() if row.startswith("# ")
    )
    rule, _, place = head["finds"].partition(" at ")
    line, _, column = place.partition(":")
    beside = {name: json.loads(head.get(name, "{}")) for name in ("manifest", "parameters")}
    return Wanted(rule, int(line), int(column), head["says"], beside)


@pytest.fixture(scope="module")
def candles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    recorded = shipped("fut:B-BTC_USDT")
    assert recorded is not None
    file = tmp_path_factory.mktemp("bad") / "candles.csv"
    write(recorded.part(0, CANDLES * 5), file)
    return file


def test_there_are_enough_of_them() -> None:
    assert len(FILES) >= 60


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
async def test_a_bad_strategy_gets_its_finding(file: Path, candles: Path) -> None:
    code = file.read_text(encoding="utf-8")
    want = wanted(code)
    subject = Subject("bad", file, code, want.beside["parameters"], want.beside["manifest"])
    began = time.monotonic()

    found = await checked(subject, candles)

    of_rule = [row for row in found if row["rule"] == want.rule and want.says in row["message"]]
    assert of_rule, found
    assert (of_rule[0]["line"], of_rule[0]["column"]) == (want.line, want.column), of_rule
    assert of_rule[0]["hint"], of_rule
    assert time.monotonic() - began < BOUND_SECONDS
