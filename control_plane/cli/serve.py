"""`slipway up` and `slipway demo`: run Slipway in this process until Ctrl-C."""

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from control_plane.cli.session import DATA_DIR, given

if TYPE_CHECKING:
    from control_plane.main import App
    from control_plane.settings import Settings

PANEL = "Run"
DEMO_SPEED = 60.0

Roles = Annotated[str | None, typer.Option(help="api,market,fleet,trading; all if not given.")]
Host = Annotated[str | None, typer.Option(help="The address to listen on.")]
Port = Annotated[int | None, typer.Option(min=0, max=65535, help="The port to listen on.")]
Speed = Annotated[
    float | None,
    typer.Option(min=1, max=3600, help="How fast simulated markets run: 60 = an hour a minute."),
]
KeepFleet = Annotated[
    bool, typer.Option("--keep-fleet", help="Leave containers running at the end.")
]
Launcher = Annotated[str | None, typer.Option(help="docker, process, or auto.")]


def add_to(app: typer.Typer) -> None:
    app.command(rich_help_panel=PANEL)(up)
    app.command(rich_help_panel=PANEL)(demo)
    app.command(rich_help_panel=PANEL)(down)


def up(
    roles: Roles = None,
    host: Host = None,
    port: Port = None,
    speed: Speed = None,
    keep_fleet: KeepFleet = False,
    launcher: Launcher = None,
) -> None:
    """Run Slipway until Ctrl-C."""
    from control_plane import main
    from control_plane.cli import images

    settings = _settings(roles, host, port, speed, keep_fleet, launcher)
    images.ensure(settings)
    asyncio.run(main.up(settings, on_started=_started))


def demo(
    host: Host = None,
    port: Port = None,
    speed: Speed = DEMO_SPEED,
    keep_fleet: KeepFleet = False,
    launcher: Launcher = None,
) -> None:
    """Run Slipway with strategies on simulated markets and play money."""
    from control_plane import main
    from control_plane.cli import images
    from control_plane.cli.voyage import sail

    async def started(app: "App") -> None:
        await _started(app)
        await sail(app.machinery.settings.data_dir, app.machinery.clock)

    settings = _quiet(_settings(None, host, port, speed, keep_fleet, launcher))
    images.ensure(settings)
    asyncio.run(main.up(settings, on_started=started))


def _quiet(settings: "Settings") -> "Settings":
    """On a terminal the demo tells its story itself, unless somebody asked for the log."""
    if "log_level" in settings.model_fields_set or not sys.stderr.isatty():
        return settings
    return settings.model_copy(update={"log_level": "WARNING"})


def down() -> None:
    """End containers and the Redis server that a crash or --keep-fleet left running."""
    from control_plane import main

    settings = _settings(None, None, None, None, False, None)
    ended = asyncio.run(main.down(settings))
    print(f"Ended {ended} container{'' if ended == 1 else 's'}; nothing of Slipway runs here now.")


async def _started(app: "App") -> None:
    from control_plane.infra import collector

    collector.settle()
    await _announce(app)


async def _announce(app: "App") -> None:
    """For people; programs read the log."""
    if app.site is None:
        return
    print(f"\n  Slipway is at {app.site.server.address}\n", flush=True)
    if app.first_user is not None:
        print(f"  First user         {app.first_user.email}")
        print(f"  One-time password  {app.first_user.one_time_password}")
        print("  Shown this once. `slipway password` sets another.\n")


def _settings(
    roles: str | None,
    host: str | None,
    port: int | None,
    speed: float | None,
    keep_fleet: bool,
    launcher: str | None,
) -> "Settings":
    """What the command's options say wins over the environment."""
    from control_plane.settings import load

    options: dict[str, Any] = {
        "data_dir": DATA_DIR.get(),
        "roles": roles,
        "host": host,
        "port": port,
        "market": None if speed is None else {"speed": speed},
        "fleet": given(keep=keep_fleet or None, launcher=launcher),
    }
    return load(**given(**options))
