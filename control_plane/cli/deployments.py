"""Deployments: deploy, look, start, stop and whatever else happens to a running strategy."""

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated, Any, Literal

import typer

from control_plane.cli import show
from control_plane.cli.session import Api, AsJson, Limit, T, ask, ask_all, call, find_deployment
from control_plane.cli.show import Column
from control_plane.client import Call, calls, shapes
from control_plane.errors import Invalid

PANEL = "Deployments"

Which = Annotated[str, typer.Argument(help="A deployment's name or id.", show_default=False)]

DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the steps, and take none.")]
Memory = Annotated[int | None, typer.Option(help="The limit of its memory.")]
Cpus = Annotated[float | None, typer.Option(help="The limit of its processor time.")]
OnCrash = Annotated[
    Literal["keep", "reduce", "flatten"] | None,
    typer.Option(
        help="Open positions, once it is given up: keep their stops, close those on spot, or all."
    ),
]
MostLeverage = Annotated[
    str | None, typer.Option(help="No follower's entry is levered further.", show_default=False)
]
Parameters = Annotated[
    list[str] | None, typer.Option("--parameter", "-p", help="NAME=VALUE; may be repeated.")
]

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
    app.command(rich_help_panel=PANEL)(change)
    app.command(rich_help_panel=PANEL)(scale)
    app.command(rich_help_panel=PANEL)(rollback)
    app.command(rich_help_panel=PANEL)(executions)


def deploy(
    strategy: Annotated[str, typer.Argument(help="A strategy's name, or a version's id.")],
    name: Annotated[str | None, typer.Option(help="The deployment's name.")] = None,
    instrument: Annotated[str | None, typer.Option(help="BTCUSDT, fut:B-BTC_USDT, …")] = None,
    resolution: Annotated[str | None, typer.Option(help="1m, 5m, 1h, …")] = None,
    parameter: Parameters = None,
    memory_mb: Memory = None,
    cpus: Cpus = None,
    on_crash: OnCrash = None,
    max_leverage: MostLeverage = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Run a strategy on an instrument, in a container of its own."""
    given: dict[str, Any] = {
        "strategy": strategy,
        "name": name,
        "instrument": instrument,
        "resolution": resolution,
        "parameters": parameters_of(parameter),
        "memory_mb": memory_mb,
        "cpus": cpus,
        "on_crash": on_crash,
        "max_leverage": max_leverage,
    }
    if dry_run:
        _show_plan(ask(calls.plan_deployment(**given)), as_json)
        return
    found = ask(calls.deploy(**given))
    show.one(
        found,
        as_json,
        f"{found['name']} is being launched on {found['instrument']} {found['resolution']}. "
        f"Follow it in an account with `slipway subscribe {found['id']}`.",
    )


def deployments(as_json: AsJson = False) -> None:
    """List your deployments and how they stand."""
    found = ask_all(calls.list_deployments())
    show.rows(
        found,
        DEPLOYMENTS,
        empty="No deployment yet. `slipway deploy NAME` runs an uploaded strategy.",
        as_json=as_json,
    )


ACTIONS = {
    "start": "Run a stopped deployment again.",
    "stop": "Stop a deployment; its open positions keep their stops.",
    "pause": "Let a deployment watch the market without deciding.",
    "resume": "Let a paused deployment decide again.",
    "drain": "Let a deployment open nothing new, and stop it once its own position is closed.",
    "restart": "Launch a deployment anew, with its state.",
}


DOES: Mapping[str, Callable[..., Call[shapes.DeploymentOut]]] = {
    "start": calls.start_deployment,
    "stop": calls.stop_deployment,
    "pause": calls.pause_deployment,
    "resume": calls.resume_deployment,
    "drain": calls.drain_deployment,
    "restart": calls.restart_deployment,
}


def _action(verb: str) -> Any:
    def act(deployment: Which, dry_run: DryRun = False, as_json: AsJson = False) -> None:
        if dry_run:
            _plan(deployment, {"action": verb}, as_json)
            return

        found = done(deployment, DOES[verb])
        until = ", until its position is closed" if found["draining"] else ""
        show.one(found, as_json, f"{found['name']}: wanted {found['desired']}{until}.")

    return act


def change(
    deployment: Which,
    version: Annotated[
        str | None, typer.Option(help="A version's id, or the strategy's name for its newest.")
    ] = None,
    parameter: Parameters = None,
    memory_mb: Memory = None,
    cpus: Cpus = None,
    on_crash: OnCrash = None,
    max_leverage: MostLeverage = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Give a deployment another version, parameters or limits; a new launch takes over."""
    given = {
        "strategy": version,
        "parameters": parameters_of(parameter),
        "memory_mb": memory_mb,
        "cpus": cpus,
        "on_crash": on_crash,
        "max_leverage": max_leverage,
    }
    _change(deployment, {k: v for k, v in given.items() if v is not None}, dry_run, as_json)


def scale(
    deployment: Which,
    memory_mb: Memory = None,
    cpus: Cpus = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Set a deployment's limits, within the admin's ceiling; without any, say which would do."""
    limits = {"memory_mb": memory_mb, "cpus": cpus}
    given = {name: limit for name, limit in limits.items() if limit is not None}
    if given:
        _change(deployment, given, dry_run, as_json)
        return

    hint = done(deployment, calls.get_vitals)["hint"]
    if as_json:
        show.print_json(hint)
    else:
        print(hint["sentence"] if hint else "Half an hour must be seen before a hint.")


def rollback(deployment: Which, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Go back to the version that ran before, with the parameters that it ran with."""
    if dry_run:
        _plan(deployment, {"action": "roll_back"}, as_json)
        return

    found = done(deployment, calls.roll_back_deployment)
    show.one(found, as_json, f"{found['name']} goes back to version {found['version_id'][:12]}.")


def _change(deployment: str, given: dict[str, Any], dry_run: bool, as_json: bool) -> None:
    if dry_run:
        _plan(deployment, {"action": "change", **given}, as_json)
        return

    found = done(deployment, partial(calls.change_deployment, **given))
    show.one(
        found,
        as_json,
        f"{found['name']} will run version {found['version_id'][:12]} with {found['memory_mb']} MB"
        f" and {found['cpus']:g} CPUs.",
    )


def _plan(deployment: str, body: dict[str, Any], as_json: bool) -> None:
    _show_plan(done(deployment, partial(calls.plan_change, **body)), as_json)


def done(deployment: str, what: Callable[..., Call[T]]) -> T:
    """What is answered to a call about a deployment that is named by its name or id."""

    async def find_and_do(api: Api) -> T:
        one = await find_deployment(api, deployment)
        return await api.send(what(deployment_id=one["id"]))

    return call(find_and_do)


def _show_plan(found: shapes.PlanOut, as_json: bool) -> None:
    lines = [f"  {number}. {step}" for number, step in enumerate(found["steps"], 1)]
    show.one(found, as_json, "\n".join(["It would:", *lines, "Nothing was done."]))


def delete(deployment: Which, dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Stop a deployment for good and take it off the list."""
    if dry_run:
        _plan(deployment, {"action": "delete"}, as_json)
        return

    async def find_and_delete(api: Api) -> shapes.DeploymentOut:
        one = await find_deployment(api, deployment)
        await api.send(calls.delete_deployment(deployment_id=one["id"]))
        return one

    found = call(find_and_delete)
    show.one({"deleted": found["id"]}, as_json, f"{found['name']} is deleted.")


def executions(deployment: Which, limit: Limit = 20, as_json: AsJson = False) -> None:
    """List a deployment's decisions: on which trigger, and what came of each."""
    show.rows(
        done(deployment, partial(calls.list_executions, limit=limit))["items"],
        EXECUTIONS,
        empty="No decision yet. The first comes with the next closed candle.",
        as_json=as_json,
    )


def parameters_of(given: list[str] | None) -> dict[str, Any] | None:
    return dict(_parameter(text) for text in given) if given else None


def _parameter(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise Invalid(f"{text!r} is no parameter.", remedy="Write NAME=VALUE, as in -p fast=10.")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value
