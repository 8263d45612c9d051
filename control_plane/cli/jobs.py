"""What runs once in the sandbox: checks of uploads, backtests, searches."""

from typing import Annotated

import typer

from control_plane.cli import show
from control_plane.cli.session import AsJson, Limit, ask, ask_rows
from control_plane.cli.show import Column
from control_plane.client import calls

PANEL = "Strategies"
group = typer.Typer(no_args_is_help=True, help="What runs once in the sandbox: list, cancel.")

JOBS = (
    Column("id", "id", whole=True),
    Column("kind", "kind"),
    Column("state", "state"),
    Column("done", lambda row: f"{row['progress']:.0%}", right=True),
    Column("says", lambda row: row["reason"] or row["said"]),
    Column("launches", "attempt", right=True),
    Column("asked", show.clock("created_at")),
)


def add_to(app: typer.Typer) -> None:
    app.add_typer(group, name="jobs", rich_help_panel=PANEL)


@group.command(name="list")
def list_jobs(limit: Limit = 20, as_json: AsJson = False) -> None:
    """List checks of uploads, backtests and searches, newest first."""
    found = ask_rows(calls.list_jobs(limit=limit))
    show.rows(found, JOBS, empty="No job yet.", as_json=as_json)


@group.command(name="cancel")
def cancel_job(
    job: Annotated[str, typer.Argument(help="Its id.")], as_json: AsJson = False
) -> None:
    """End one, whether it waits or runs."""
    found = ask(calls.cancel_job(job_id=job))
    show.one(found, as_json, "Cancelled.")
