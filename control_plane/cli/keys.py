"""`slipway keys rotate`: a new key for the broker keys, on the machine of the trading role."""

import asyncio

import typer

group = typer.Typer(no_args_is_help=True, help="What broker keys are sealed for.")


def add_to(app: typer.Typer) -> None:
    app.add_typer(group, name="keys", rich_help_panel="Run")


@group.callback()
def callback() -> None:
    """The keyring of this data folder."""


@group.command()
def rotate() -> None:
    """Make a new primary key and seal every broker key for it, while Slipway runs on."""
    done = asyncio.run(_rotate())
    print(f"{done} broker key{'' if done == 1 else 's'} sealed for the new key.")


async def _rotate() -> int:
    from control_plane.cli.session import data_dir
    from control_plane.infra import db, failpoints, fleet_name
    from control_plane.infra.clock import RealClock
    from control_plane.infra.datafolder import DataFolder
    from control_plane.infra.failpoints import Failpoints
    from control_plane.infra.rng import SystemRng
    from control_plane.keys.service import Rotation
    from control_plane.settings import load

    folder, clock, rng = data_dir().absolute(), RealClock(), SystemRng()
    settings = load(data_dir=folder)
    database = db.connect(settings.database_at(), clock)
    try:
        rotation = Rotation(
            database,
            rng,
            await database.write(fleet_name.settle, DataFolder(folder).installation(rng)),
            folder,
            Failpoints(clock, armed=dict(failpoints.parse(settings.failpoints))),
        )
        return await rotation.finish(await rotation.begin())
    finally:
        database.close()
