"""The commands for authors. Writing and proving need no server, Docker or account."""

import typer

from control_plane.cli import (
    backtesting,
    checking,
    completing,
    making,
    optimising,
    paper,
    replaying,
    shipping,
)

PANEL = "Write a strategy"
COMMANDS = (
    making.new,
    checking.check,
    backtesting.backtest,
    backtesting.report,
    optimising.optimise,
    paper.run,
    replaying.replay,
    making.candles,
    shipping.push,
    shipping.diff,
    shipping.revert,
)


def add_to(app: typer.Typer) -> None:
    for command in COMMANDS:
        app.command(rich_help_panel=PANEL)(command)
    app.command()(completing.completion)
