"""The `slipway` command: run Slipway, and everything one does with a running one."""

import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from control_plane.cli import (
    accounts,
    audit,
    authors,
    backtests,
    coindcx,
    deployments,
    events,
    fleet,
    images,
    jobs,
    keys,
    market,
    openapi,
    serve,
    session,
    shadows,
    status,
    strategies,
    trading,
    users,
)
from control_plane.errors import SlipwayError
from control_plane.infra.supervisor import LoopFailed

app = typer.Typer(
    name="slipway",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Run trading strategies, each in a container of its own.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
COMMANDS = (
    serve,
    status,
    authors,
    images,
    strategies,
    backtests,
    jobs,
    deployments,
    shadows,
    fleet,
    accounts,
    users,
    keys,
    audit,
    market,
    coindcx,
    openapi,
    trading,
    events,
)
for commands in COMMANDS:
    commands.add_to(app)


def run(command: Callable[[], object] = app) -> None:
    """The one place where a refusal becomes a sentence and an exit status."""
    failed = False
    try:
        command()
    except* (SlipwayError, OSError, LoopFailed) as group:
        for sentence in dict.fromkeys(map(_sentence, _leaves(group))):
            print(f"slipway: {sentence}", file=sys.stderr)
        failed = True
    if failed:  # raised in there, it would come out as a group, with a traceback
        raise SystemExit(1)


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    """A process is a group of tasks, so what ends it comes in groups."""
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


def _sentence(error: BaseException) -> str:
    match error:
        case LoopFailed():
            return f"{error}. Its log says why; starting again recovers it."
        case OSError():
            where = f"{error.filename}: " if error.filename else ""
            return f"{where}{error.strerror or error}."
        case _:
            return str(error)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"slipway {version('slipway')}")
        raise typer.Exit


@app.callback()
def options(
    data_dir: Annotated[
        Path | None,
        typer.Option(
            help="The folder of this Slipway.", envvar="SLIPWAY_DATA_DIR", show_default=".slipway"
        ),
    ] = None,
    _version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which version.")
    ] = False,
) -> None:
    session.DATA_DIR.set(data_dir)
