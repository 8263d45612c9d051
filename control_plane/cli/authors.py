"""The commands for authors: none of them needs a server, Docker or an account."""

import typer

from control_plane.cli import backtesting, checking, making, replaying

PANEL = "Write a strategy"
COMMANDS = (
    making.new,
    checking.check,
    backtesting.backtest,
    backtesting.report,
    replaying.replay,
    making.candles,
)


def add_to(app: typer.Typer) -> None:
    for command in COMMANDS:
        app.command(rich_help_panel=PANEL)(command)
