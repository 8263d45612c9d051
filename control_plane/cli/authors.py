"""The commands for authors: none of them needs a server, Docker or an account."""

import typer

from control_plane.cli import backtesting, checking, making, optimising, replaying

PANEL = "Write a strategy"
COMMANDS = (
    making.new,
    checking.check,
    backtesting.backtest,
    backtesting.report,
    optimising.optimise,
    replaying.replay,
    making.candles,
)


def add_to(app: typer.Typer) -> None:
    for command in COMMANDS:
        app.command(rich_help_panel=PANEL)(command)
