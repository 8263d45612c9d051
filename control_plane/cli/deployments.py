"""Deployments: deploy, look, start, stop and whatever else happens to a running strategy."""

import json
from typing import Annotated, Any

import typer

from control_plane.cli import show
from control_plane.cli.session import Api, AsJson, Limit, call, find, part
from control_plane.cli.show import Column
from control_plane.errors import Invalid

PANEL = "Deployments"

Which = Annotated[str, typer.Argument(help="A deployment's name or id.", show_default=False)]

DEPLOYMENTS = (
    Column("name", "name"),
    Column("instrument", "instrument"),
    Column("resolution", "resolution"),
    Column("wanted", "desired"),
    Column("is", "observed"),
    Column("launch", "generation", right=True),
    Column("restarts", "restarts", right=True),
    Column("reason", "reason"),
    Column("id", "id"),
)
EXECUTIONS = (
    Column("decided", show.clock("decided_at")),
    Column("trigger", "trigger"),
    Column("outcome", "outcome"),
    Column("took", lambda row: f"{row['took_us'] / 1000:.2f} ms", right=True),
    Column("error", "error"),
)


def add_to(app: typer.Typer) -> None:
    app.command(rich_help_panel=PANEL)(deploy)
    app.command(rich_help_panel=PANEL)(deployments)
    for verb, sentence in ACTIONS.items():
        app.command(name=verb, rich_help_panel=PANEL, help=sentence)(_action(verb))
    app.command(rich_help_panel=PANEL)(delete)
    app.command(rich_help_panel=PANEL)(logs)
    app.command(rich_help_panel=PANEL)(executions)


def deploy(
    strategy: Annotated[str, typer.Argument(help="A strategy's name, or a version's id.")],
    name: Annotated[str | None, typer.Option(help="The deployment's name.")] = None,
    instrument: Annotated[str | None, typer.Option(help="BTCUSDT, fut:B-BTC_USDT, …")] = None,
    resolution: Annotated[str | None, typer.Option(help="1m, 5m, 1h, …")] = None,
    parameter: Annotated[
        list[str] | None, typer.Option("--parameter", "-p", help="NAME=VALUE; may be repeated.")
    ] = None,
    memory_mb: Annotated[int | None, typer.Option(help="The limit of its memory.")] = None,
    cpus: Annotated[float | None, typer.Option(help="The limit of its processor time.")] = None,
    as_json: AsJson = False,
) -> None:
    """Run a strategy on an instrument, in a container of its own."""
    given = {
        "strategy": strategy,
        "name": name,
        "instrument": instrument,
        "resolution": resolution,
        "parameters": dict(_parameter(text) for text in parameter or []),
        "memory_mb": memory_mb,
        "cpus": cpus,
    }
    body = {key: value for key, value in given.items() if value is not None}
    found = call(lambda api: api.post("/deployments", body))
    show.one(
        found,
        as_json,
        f"{found['name']} is being launched on {found['instrument']} {found['resolution']}. "
        f"Follow it in an account with `slipway subscribe {found['id']}`.",
    )


def deployments(as_json: AsJson = False) -> None:
    """List your deployments and how they stand."""
    show.rows(
        call(lambda api: api.get("/deployments"))["items"],
        DEPLOYMENTS,
        empty="No deployment yet. `slipway deploy NAME` runs an uploaded strategy.",
        as_json=as_json,
    )


ACTIONS = {
    "start": "Run a stopped deployment again.",
    "stop": "Stop a deployment; its open positions keep their stops.",
    "pause": "Let a deployment watch the market without deciding.",
    "resume": "Let a paused deployment decide again.",
    "restart": "Launch a deployment anew, with its state.",
}


def _action(verb: str) -> Any:
    def act(deployment: Which, as_json: AsJson = False) -> None:
        async def ask(api: Api) -> dict[str, Any]:
            one = await find(api, "/deployments", deployment, "deployment")
            return dict(await api.post(f"/deployments/{part(one['id'])}/{verb}"))

        found = call(ask)
        show.one(found, as_json, f"{found['name']}: wanted {found['desired']}.")

    return act


def delete(deployment: Which, as_json: AsJson = False) -> None:
    """Stop a deployment for good and take it off the list."""

    async def ask(api: Api) -> dict[str, Any]:
        one = await find(api, "/deployments", deployment, "deployment")
        await api.delete(f"/deployments/{part(one['id'])}")
        return one

    found = call(ask)
    show.one({"deleted": found["id"]}, as_json, f"{found['name']} is deleted.")


def logs(deployment: Which, limit: Limit = 50, as_json: AsJson = False) -> None:
    """Show what a strategy's author wrote with self.log, oldest first."""
    lines = list(reversed(_of(deployment, "logs", limit)))
    if as_json:
        show.print_json(lines)
        return
    for line in lines:
        print(f"{show.clock('at')(line)} {line['level']:<7} {line['text']}")
    if not lines:
        print("No line yet. A strategy writes them with self.log.")


def executions(deployment: Which, limit: Limit = 20, as_json: AsJson = False) -> None:
    """List a deployment's decisions: on which trigger, and what came of each."""
    show.rows(
        _of(deployment, "executions", limit),
        EXECUTIONS,
        empty="No decision yet. The first comes with the next closed candle.",
        as_json=as_json,
    )


def _of(deployment: str, what: str, limit: int) -> list[dict[str, Any]]:
    async def ask(api: Api) -> list[dict[str, Any]]:
        one = await find(api, "/deployments", deployment, "deployment")
        found = await api.get(f"/deployments/{part(one['id'])}/{what}", limit=limit)
        return list(found["items"])

    return call(ask)


def _parameter(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise Invalid(f"{text!r} is no parameter.", remedy="Write NAME=VALUE, as in -p fast=10.")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value
