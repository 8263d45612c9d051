"""The commands for authors: none of them needs a server, Docker or an account."""

import typer

from control_plane.cli import making, proving

PANEL = "Write a strategy"
COMMANDS = (
    making.new,
    proving.check,
    proving.backtest,
    proving.report,
    proving.replay,
    making.candles,
)


def add_to(app: typer.Typer) -> None:
    for command in COMMANDS:
        app.command(rich_help_panel=PANEL)(command)
