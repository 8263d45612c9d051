"""The demo: the shipped strategies on simulated markets, followed with play money.

It goes through the API like anybody else, and finds what an earlier demo left: starting it again
adds nothing twice.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from control_plane.cli.session import OF_THE_PAGE, READY, Api
from control_plane.cli.strategies import checked
from control_plane.client import AsyncClient, Failed, calls, shapes
from control_plane.core.clock import Clock
from control_plane.errors import SlipwayError, Unavailable
from control_plane.infra import operator

# A few that trade soon on one-minute candles; the other templates are for `slipway new`.
SHOWN = ("donchian_trend", "rsi_reversion", "sma_cross")
ACCOUNT = "demo"
MONEY = {"currency": "USDT", "amount": "30000"}
TERMS = {"capital": "5000", "capital_currency": "USDT", "risk": "0.01"}
FUTURES_LEVERAGE = "3"

READY_SECONDS = 60.0
FIRST_SECONDS = 180.0
LOOK_SECONDS = 0.5
IMPATIENT_SECONDS = 10.0

HULLS = {
    "docker": "each strategy in a container of its own",
    "process": "as plain processes: no sandbox, for your own code only",
}
FIRSTS = (
    ("signals", "first signal", "{deployment} says {action} at {price}"),
    ("orders", "first order", "{side} {quantity} {instrument}"),
    ("trades", "first trade", "{side} {instrument}, {state}"),
)


@dataclass(frozen=True)
class Template:
    """A strategy that comes with Slipway."""

    name: str
    code: str
    parameters: Mapping[str, Any]


async def sail(data_dir: Path, clock: Clock) -> None:
    """Set the demo up in the Slipway that has just started, then say what comes first."""
    found = operator.find(data_dir)
    try:
        async with AsyncClient(found.address, found.token, tries=0) as client:
            api = Api(client)
            await _wait_until_ready(api, clock)
            await set_up(api)
            await _watch(api, clock)
    except SlipwayError as error:
        # The demo is a guest: what it cannot do, it says, and Slipway runs on.
        print(f"  The demo stopped: {error}")


def templates() -> list[Template]:
    """Read as files: what runs in containers is not imported here."""
    spec = find_spec("strategy_templates")
    folders = list(spec.submodule_search_locations or []) if spec else []
    return [
        Template(
            file.parent.name,
            file.read_text(encoding="utf-8"),
            json.loads((file.parent / "parameters.json").read_text(encoding="utf-8")),
        )
        for folder in folders
        for file in sorted(Path(folder).glob("*/strategy.py"))
        if file.parent.name in SHOWN
    ]


async def _wait_until_ready(api: Api, clock: Clock) -> None:
    began = clock.monotonic()
    told = False
    while True:
        found = await _readiness(api)
        if found["ready"]:
            return
        waited = clock.monotonic() - began
        missing = "; ".join(f"{lack['part']}: {lack['what']}" for lack in found["missing"])
        if waited > READY_SECONDS:
            raise Unavailable(
                f"Slipway is not ready after {READY_SECONDS:g} s: {missing}",
                remedy="Its log says more.",
            )
        if waited > IMPATIENT_SECONDS and not told:
            print(f"  Waiting for {missing}")
            told = True
        await clock.sleep(LOOK_SECONDS)


async def _readiness(api: Api) -> Mapping[str, Any]:
    try:
        return await api.send(READY)
    except Failed as error:  # it answers, and says what is missing
        return error.told


async def set_up(api: Api) -> None:
    """What is there already stays as it is."""
    account = await _account(api)
    followed = {row["deployment_id"] for row in await api.all(calls.list_subscriptions())}
    known = {row["name"]: row for row in await api.all(calls.list_deployments())}
    # All at once, so that their checks run side by side.
    versions = {
        template.name: await _uploaded(api, template)
        for template in templates()
        if template.name not in known
    }
    for template in templates():
        there = known.get(template.name)
        ship = there or await _deployed(api, template, versions[template.name])
        if ship["desired"] == "stopped":
            ship = await api.send(calls.start_deployment(deployment_id=ship["id"]))
        print(f"  {ship['name']:<18} {ship['instrument']} {ship['resolution']}")
        if ship["id"] not in followed:
            await api.send(calls.subscribe(**_terms(ship, account)))
    print()


def _terms(ship: shapes.DeploymentOut, account: shapes.AccountOut) -> dict[str, Any]:
    leverage = FUTURES_LEVERAGE if ship["instrument"].startswith("fut:") else "1"
    return {
        **TERMS,
        "leverage": leverage,
        "deployment_id": ship["id"],
        "account_id": account["id"],
    }


async def _account(api: Api) -> shapes.AccountOut:
    for row in await api.all(calls.list_accounts()):
        if row["name"] == ACCOUNT:
            return row
    return await api.send(calls.open_paper_account(name=ACCOUNT, **MONEY))


async def _uploaded(api: Api, template: Template) -> shapes.VersionOut:
    return await api.send(calls.upload_strategy(name=template.name, code=template.code))


async def _deployed(
    api: Api, template: Template, version: shapes.VersionOut
) -> shapes.DeploymentOut:
    found = await checked(api, version)
    if found["state"] != "passed":
        raise Unavailable(
            f"{template.name} has not passed its check: {found['note'] or found['findings']}"
        )
    return await api.send(
        calls.deploy(
            strategy=template.name, name=template.name, parameters=dict(template.parameters)
        )
    )


async def _watch(api: Api, clock: Clock) -> None:
    """Say the first of each kind as it comes."""
    began = clock.monotonic()
    known = _ids(await api.send(OF_THE_PAGE))
    awaited = list(FIRSTS)
    sails = False
    while (awaited or not sails) and clock.monotonic() - began < FIRST_SECONDS:
        status = await api.send(OF_THE_PAGE)
        if not sails and status["counts"]["running"]:
            sails = True
            _say_first("under way", clock.monotonic() - began, _hulls(status))
        for first in list(awaited):
            kind, title, sentence = first
            came = [row for row in status[kind] if row["id"] not in known]
            if came:
                _say_first(title, clock.monotonic() - began, sentence.format(**came[-1]))
                awaited.remove(first)
        await clock.sleep(LOOK_SECONDS)
    if awaited:
        kinds = ", ".join(kind for kind, _, _ in awaited)
        print(f"  Nothing yet of: {kinds}. `slipway status` shows it.")
    print(f"\n  Watch it at {api.address} or with `slipway status`. Ctrl-C ends everything.\n")


def _say_first(title: str, after: float, what: str) -> None:
    print(f"  {title:<13} after {after:4.1f} s   {what}", flush=True)


def _hulls(status: Mapping[str, Any]) -> str:
    launchers = {row["launcher"] for row in status["deployments"] if row["launcher"]}
    return "; ".join(HULLS.get(launcher, launcher) for launcher in sorted(launchers))


def _ids(status: Mapping[str, Any]) -> frozenset[str]:
    """What an earlier demo left is no news."""
    return frozenset(row["id"] for kind, _, _ in FIRSTS for row in status[kind])
