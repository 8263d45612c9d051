"""What docs/coindcx.md tells an operator is so."""

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from control_plane.brokers.coindcx.probing import BY_HAND
from control_plane.cli.main import app
from control_plane.settings import CoinDcxSettings, MarketSettings

DOCUMENT = (Path(__file__).resolve().parents[2] / "docs" / "coindcx.md").read_text()
COMMANDS = sorted(set(re.findall(r"`(slipway [^`…]+?)(?: …)?`", DOCUMENT)))
ROWS = {line.split("|")[1].strip(): line for line in DOCUMENT.splitlines() if line.startswith("| ")}


@pytest.mark.parametrize("command", COMMANDS)
def test_the_command_line_knows_what_the_page_tells_it(command: str) -> None:
    words = [word for word in shlex.split(command)[1:] if word.isalpha()][:2]
    found = CliRunner().invoke(app, [*words, "--help"])
    assert found.exit_code == 0, found.output


def test_every_setting_that_the_page_names_is_one() -> None:
    named = set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+)`", DOCUMENT))
    known = {*CoinDcxSettings.model_fields, *MarketSettings.model_fields}
    assert {name.lower() for name in named} <= known


def test_each_open_question_has_its_row_and_those_without_a_probe_say_by_hand() -> None:
    assert {str(n) for n in range(1, 13)} <= ROWS.keys()
    for finding in BY_HAND:
        assert "by hand" in ROWS[finding.number], finding
