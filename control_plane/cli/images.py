"""The images: the one that strategies run in, and the control plane's own."""

import sys
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from control_plane.cli import show
from control_plane.cli.session import AsJson, data_dir, given
from control_plane.cli.show import Column
from control_plane.errors import Unavailable

if TYPE_CHECKING:
    from control_plane.containers.images import ImageBuilder
    from control_plane.containers.pruning import Pruner
    from control_plane.settings import Settings

PRUNED = (
    Column("image", "name", whole=True),
    Column("made", "made_at"),
    Column("size", lambda row: f"{row['bytes'] / 1e6:.0f} MB", right=True),
)

group = typer.Typer(no_args_is_help=True, help="The images of strategies and of Slipway itself.")


def add_to(app: typer.Typer) -> None:
    app.add_typer(group, name="images", rich_help_panel="Run")


@group.command()
def build(
    python_image: Annotated[
        str | None,
        typer.Option(help="The Python image to build on; if not given, one is found or made."),
    ] = None,
    control_plane: Annotated[
        bool, typer.Option("--control-plane", help="The control plane's own image instead.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Build it from this Slipway's own sources; it needs a Docker engine."""
    from control_plane.containers.images import CONTROL_PLANE, STRATEGY
    from control_plane.settings import load

    builder = _builder(load(**given(data_dir=data_dir())))
    built = builder.build(CONTROL_PLANE if control_plane else STRATEGY, python_image)
    verb = "Built" if built.is_new else "There already:"
    show.one(
        {"name": built.name, "id": built.id, "bytes": built.size, "is_new": built.is_new},
        as_json,
        f"{verb} {built.name}, {built.size / 1e6:.0f} MB.",
    )


@group.command()
def prune(
    older_than_days: Annotated[
        int, typer.Option(min=0, help="Younger ones stay: another checkout may need them.")
    ] = 7,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show them, and remove none.")] = False,
    as_json: AsJson = False,
) -> None:
    """Remove images of ours that nothing uses: not today's, and not the newest three."""
    from control_plane.settings import load

    settings = load(**given(data_dir=data_dir()))
    found = _pruner(settings).prune(timedelta(days=older_than_days), dry_run=dry_run)
    show.rows(
        [
            {"name": one.name, "made_at": one.made_at.isoformat(), "bytes": one.size}
            for one in found
        ],
        PRUNED,
        empty="Nothing to remove.",
        as_json=as_json,
    )


@group.command()
def seccomp(
    swarm: Annotated[
        bool, typer.Option("--swarm", help="For the engines of a swarm: with IPv4 sockets.")
    ] = False,
) -> None:
    """Print the system calls that strategies are left with, as an engine reads them."""
    from control_plane.containers.docker.adapter import SECCOMP
    from control_plane.containers.swarm.template import over_tcp

    profile = SECCOMP.read_text()
    print(over_tcp(profile) if swarm else profile)


def ensure(settings: "Settings") -> None:
    """A first start makes the image that strategies run in. Where there is no engine, or none can
    be made, they run as processes, unless Docker was asked for by name.
    """
    fleet = settings.fleet
    if fleet.launcher == "process" or fleet.image is not None or "fleet" not in settings.roles:
        return

    try:
        if _builder(settings).build().is_new:
            with suppress(Unavailable):
                _pruner(settings).prune()
    except Unavailable as error:
        if fleet.launcher in ("docker", "swarm"):
            raise
        _say(str(error))


def _builder(settings: "Settings") -> "ImageBuilder":
    from control_plane.containers.images import ImageBuilder
    from control_plane.infra.clock import RealClock

    return ImageBuilder(settings.fleet.docker_host, settings.data_dir / "wheels", RealClock(), _say)


def _pruner(settings: "Settings") -> "Pruner":
    from control_plane.containers.pruning import Pruner
    from control_plane.infra.clock import RealClock

    return Pruner(settings.fleet.docker_host, RealClock(), _say)


def _say(line: str) -> None:
    """Beside the result, which a program may read."""
    print(line, file=sys.stderr)
