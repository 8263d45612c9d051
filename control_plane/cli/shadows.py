"""A new version beside the old one, muted, and what it decides otherwise."""

from functools import partial
from typing import Annotated, Any

import typer

from control_plane.cli import show
from control_plane.cli.deployments import Cpus, Memory, Parameters, Which, done, parameters_of
from control_plane.cli.session import AsJson
from control_plane.cli.show import Column, Row
from control_plane.client import calls

app = typer.Typer(no_args_is_help=True, help="Try a new version beside the old one, muted.")


def add_to(root: typer.Typer) -> None:
    root.add_typer(app, name="shadow", rich_help_panel="Deployments")


@app.command()
def start(
    deployment: Which,
    version: Annotated[
        str | None, typer.Option(help="A version's id, or the strategy's name for its newest.")
    ] = None,
    parameter: Parameters = None,
    memory_mb: Memory = None,
    cpus: Cpus = None,
    as_json: AsJson = False,
) -> None:
    """Run another version beside it; nobody acts on what it signals."""
    given: dict[str, Any] = {
        "strategy": version,
        "parameters": parameters_of(parameter),
        "memory_mb": memory_mb,
        "cpus": cpus,
    }
    found = done(deployment, partial(calls.begin_shadow, **given))
    show.one(
        found,
        as_json,
        f"{found['name']} is being launched. What it decides otherwise:"
        f" `slipway shadow diff {deployment}`.",
    )


@app.command()
def diff(deployment: Which, as_json: AsJson = False) -> None:
    """Show the newest decisions that differ."""
    found = done(deployment, calls.compare_shadow)
    if as_json:
        show.print_json(found)
        return
    print(
        f"Version {found['version_id'][:12]} beside it is {found['observed']}:"
        f" {found['same']} of {found['compared']} decisions are the same."
    )
    if found["differences"]:
        show.rows(found["differences"], DIFFERENCES, empty="")


@app.command()
def promote(deployment: Which, as_json: AsJson = False) -> None:
    """Let the deployment run what its shadow runs; the shadow ends."""
    found = done(deployment, calls.promote_shadow)
    show.one(found, as_json, f"{found['name']} goes over to version {found['version_id'][:12]}.")


@app.command()
def end(deployment: Which, as_json: AsJson = False) -> None:
    """End the shadow; the deployment goes on as it is."""
    done(deployment, calls.end_shadow)
    show.one({"ended": True}, as_json, "Its shadow is ended.")


def _told(decided: dict[str, Any]) -> str:
    if decided["error"]:
        return f"failed: {decided['error'].splitlines()[-1]}"
    return ", ".join(map(_signal, decided["signals"])) or str(decided["outcome"])


def _signal(signal: dict[str, Any]) -> str:
    hints = ((" stop ", signal["stop_loss"]), (" target ", signal["take_profit"]))
    return str(signal["action"]) + "".join(f"{word}{value}" for word, value in hints if value)


def _side(name: str) -> Any:
    def told(row: Row) -> str:
        return _told(row[name])

    return told


DIFFERENCES = (
    Column("decided", show.clock("decided_at")),
    Column("trigger", "trigger"),
    Column("ours", _side("ours")),
    Column("shadow", _side("shadow")),
)
