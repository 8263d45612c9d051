"""The images: the one that strategies run in, and the control plane's own."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from control_plane.cli import show
from control_plane.cli.session import AsJson, data_dir, given
from control_plane.errors import Unavailable

if TYPE_CHECKING:
    from control_plane.containers.images import ImageBuilder
    from control_plane.settings import Settings

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


def ensure(settings: "Settings") -> None:
    """A first start makes the image that strategies run in. Where there is no engine, or none can
    be made, they run as processes, unless Docker was asked for by name.
    """
    fleet = settings.fleet
    if fleet.launcher == "process" or fleet.image is not None or "fleet" not in settings.roles:
        return

    try:
        _builder(settings).build()
    except Unavailable as error:
        if fleet.launcher == "docker":
            raise
        _say(str(error))


def _builder(settings: "Settings") -> "ImageBuilder":
    from control_plane.containers.images import ImageBuilder
    from control_plane.infra.clock import RealClock

    return ImageBuilder(settings.fleet.docker_host, settings.data_dir / "wheels", RealClock(), _say)


def _say(line: str) -> None:
    """Beside the result, which a program may read."""
    print(line, file=sys.stderr)
