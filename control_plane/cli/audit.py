"""`slipway audit verify`: whether the audit log is as it was written."""

from pathlib import Path
from typing import Annotated

import typer

from control_plane.errors import Conflict, Invalid

group = typer.Typer(no_args_is_help=True, help="See that the audit log is as it was written.")


def add_to(app: typer.Typer) -> None:
    app.add_typer(group, name="audit", rich_help_panel="Run")


@group.callback()
def callback() -> None:
    """The audit log."""


@group.command()
def verify(
    checkpoints: Annotated[
        Path | None, typer.Option(help="Signed checkpoints; those of the data folder by default.")
    ] = None,
    public_key: Annotated[
        Path | None, typer.Option(help="Of whoever signed them; the data folder's by default.")
    ] = None,
) -> None:
    """Follow every chain from its first row, and name the first one that was changed."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from control_plane.cli.session import data_dir
    from control_plane.infra import checkpoints as signed
    from control_plane.infra import db
    from control_plane.infra.clock import RealClock
    from control_plane.settings import load

    folder = data_dir()
    key_file = public_key or folder / signed.PUBLIC_FILE
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(key_file.read_text()))
    except ValueError as error:
        raise Invalid(f"{key_file} is no public key.", field="--public-key") from error

    found = signed.read(checkpoints or folder / signed.FILE)
    number = signed.forged(found, key)
    if number is not None:
        raise Conflict(
            f"Checkpoint {number} is not signed by this key, or does not follow the one before."
        )
    settings = load(data_dir=folder)
    database = db.connect(settings.database_at(), RealClock(), inline=True)
    try:
        with database.engine.connect() as connection:
            connection.execution_options(begin="read")
            broken, looked = signed.verify(db.Tx(connection, RealClock()), found)
    finally:
        database.close()
    if broken is not None:
        raise Conflict(
            f"Row {broken.seq} of the chain {broken.chain!r} is not as it was written:"
            f" {broken.why}.",
            remedy="Restore the database from a backup, and find out who could write to it.",
        )
    print(f"{looked} rows and {len(found)} checkpoints: every one as it was written.")
