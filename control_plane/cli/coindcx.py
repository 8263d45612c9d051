"""`slipway coindcx probe`: what the exchange answers to questions that change nothing."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from control_plane.cli import show
from control_plane.cli.session import AsJson, call, data_dir
from control_plane.cli.show import Column
from control_plane.client import calls

if TYPE_CHECKING:
    from control_plane.brokers.coindcx.probing import Finding

group = typer.Typer(no_args_is_help=True, help="The exchange CoinDCX.")

FINDINGS = (
    Column("#", "number"),
    Column("question", "question"),
    Column("answer", "answer"),
    Column("bears on SLIPWAY_COINDCX__…", "setting"),
)
USAGE = (
    Column("name", "name"),
    Column("this second", lambda row: f"{row['second']} of {row['second_limit']}", right=True),
    Column("this minute", lambda row: f"{row['minute']} of {row['minute_limit']}", right=True),
    Column("allowed", lambda row: f"{row['factor']:.0%}", right=True),
    Column("for stops", "promised", right=True),
    Column("429s", "refused", right=True),
    Column("waiting", "waiting", right=True),
    Column("process", "process"),
)


def add_to(app: typer.Typer) -> None:
    app.add_typer(group, name="coindcx", rich_help_panel="Run")


@group.callback()
def callback() -> None:
    """What is assumed of it, and what can be found out."""


@group.command()
def usage(as_json: AsJson = False) -> None:
    """Show how full its rate limits are, by address and by key, for an admin."""
    show.rows(
        call(lambda api: api.all(calls.list_exchange_usage())),
        USAGE,
        empty="Nothing was asked lately.",
        as_json=as_json,
    )


@group.command()
def probe(
    with_key: Annotated[
        bool, typer.Option("--with-key", help="Ask for a key, and put the private questions too.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Ask what nobody has proved, by harmless calls alone: nothing is placed, changed or ended."""
    key = secret = ""
    if with_key:
        key = typer.prompt("API key", hide_input=True)
        secret = typer.prompt("API secret", hide_input=True)
    found = asyncio.run(_probe(key, secret))
    rows: list[dict[str, Any]] = [vars(one) for one in found]
    show.rows(rows, FINDINGS, empty="", as_json=as_json)
    if not as_json:
        from control_plane.brokers.coindcx.probing import BY_HAND

        print("What only an order can answer, tried by hand with the smallest one:")
        show.rows([vars(one) for one in BY_HAND], FINDINGS, empty="")


async def _probe(key: str, secret: str) -> "list[Finding]":
    from control_plane.brokers.coindcx.client import Client, Hosts
    from control_plane.brokers.coindcx.probing import Prober
    from control_plane.brokers.coindcx.wire import Credentials
    from control_plane.infra.clock import RealClock
    from control_plane.infra.fast_net import AiohttpNet
    from control_plane.infra.rng import SystemRng
    from control_plane.settings import load

    section = load(data_dir=data_dir().absolute()).coindcx
    net = AiohttpNet()
    try:
        client = Client(net, Hosts(section.api_url, section.public_url), section.deadline_seconds)
        credentials = Credentials(key, secret) if key else None
        prober = Prober(client, RealClock(), SystemRng(), credentials)
        return [finding async for finding in prober.run()]
    finally:
        await net.close()
