"""Terms are written once: whoever backtests under some can search and report under them, too."""

from dataclasses import fields

import msgspec
import pytest
import typer

from control_plane.cli.main import app
from control_plane.cli.making import Money
from strategy_runtime.backtest.terms import Terms

COMMAND = typer.main.get_command(app)
BACKTESTING = (
    ["backtest"],
    ["report"],
    ["optimise"],
    ["backtests", "run"],
    ["backtests", "search"],
)


@pytest.mark.parametrize("words", BACKTESTING, ids=" ".join)
def test_every_command_that_trades_takes_every_term(words: list[str]) -> None:
    command = COMMAND
    for word in words:
        command = command.commands[word]  # type: ignore[attr-defined] # a group

    assert {one.name for one in fields(Money)} <= {one.name for one in command.params}


def test_what_is_not_said_is_as_a_backtest_has_it_anyway() -> None:
    assert Money().terms() == Terms()


def test_numbers_reach_the_platform_as_they_were_typed() -> None:
    said = Money(capital=1_500.5, fee=0.0, leverage=3).said()

    assert (said["capital"], said["fee"], said["mode"]) == ("1500.5", "0.0", "fixed_risk")
    assert msgspec.convert(said, Terms).leverage == 3
