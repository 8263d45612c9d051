"""How it stands: the same figures as on the status page."""

import typer

from control_plane.cli import show
from control_plane.cli.session import OF_THE_PAGE, AsJson, ask
from control_plane.cli.show import Column

FLEET = (
    Column("deployment", "name"),
    Column("strategy", "strategy"),
    Column("instrument", "instrument"),
    Column("resolution", "resolution"),
    Column("state", "observed"),
    Column(
        "lag", lambda row: f"{row['lag_ms']} ms" if row["lag_ms"] is not None else "", right=True
    ),
    Column("memory", show.megabytes("memory_bytes"), right=True),
    Column("restarts", "restarts", right=True),
    Column("reason", "reason"),
)


def add_to(app: typer.Typer) -> None:
    app.command(rich_help_panel="Run")(status)


def status(as_json: AsJson = False) -> None:
    """Show how Slipway stands: its deployments and what came of them."""
    found = ask(OF_THE_PAGE)
    if as_json:
        show.print_json(found)
        return
    counts = found["counts"]
    print(
        f"{counts['running']} of {counts['deployments']} deployments running · "
        f"{counts['signals']} signals · {counts['orders']} orders · {counts['trades']} trades"
    )
    realised = [show.money(one["pnl"], one["currency"]) for one in found["totals"]]
    if realised:
        print(f"Realised: {' · '.join(realised)}")
    for lack in found["missing"]:
        print(f"Missing: {lack['part']}: {lack['what']}")
    show.rows(
        found["deployments"],
        FLEET,
        empty="No strategy sails yet. Try `slipway demo`, or `slipway strategies upload FILE`.",
    )
