"""`slipway subscribe` and `slipway subscriptions …`: on which terms an account follows a
deployment, what they were, and how it ends.
"""

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, cast

import typer

from control_plane.cli import show
from control_plane.cli.session import (
    Api,
    AsJson,
    ask,
    ask_all,
    call,
    find_account,
    find_deployment,
)
from control_plane.cli.show import Column
from control_plane.client import calls, shapes
from control_plane.infra.clock import RealClock

PANEL = "Trading"

Which = Annotated[str, typer.Argument(help="A subscription's id.", show_default=False)]
Sizing = Annotated[
    Literal["fixed_risk", "leveraged_risk"] | None,
    typer.Option(help="Lose `risk` at the stop, or that times the leverage."),
]
Risk = Annotated[str | None, typer.Option(help="Share of capital lost at a stop.")]
Leverage = Annotated[str | None, typer.Option(help="The most leverage.")]
DailyLoss = Annotated[str | None, typer.Option(help="Share of capital that a day may cost.")]
Notional = Annotated[str | None, typer.Option(help="The most that a position is worth.")]
Slippage = Annotated[str | None, typer.Option(help="Share that the price may run away.")]
Age = Annotated[int | None, typer.Option(help="Seconds after which a signal is too old.")]
Stop = Annotated[
    bool | None,
    typer.Option("--software-stop/--no-software-stop", help="Consent to a stop that we watch."),
]
Opposite = Annotated[
    Literal["skip", "close"] | None,
    typer.Option(help="What an entry does to a position of the other side."),
]
Allow = Annotated[
    list[str] | None,
    typer.Option(help="Enter these alone, instruments or currencies; may be repeated."),
]
Deny = Annotated[list[str] | None, typer.Option(help="Never enter this; may be repeated.")]
Positions = Annotated[
    Literal["keep", "close"],
    typer.Option(help="Open ones keep their stops and the strategy's exits, or are closed now."),
]

SUBSCRIPTIONS = (
    Column("id", "id"),
    Column("deployment", "deployment_id"),
    Column("account", "account_id"),
    Column("instrument", "instrument"),
    Column("capital", lambda row: f"{row['capital']} {row['capital_currency']}", right=True),
    Column("risk", "risk", right=True),
    Column("leverage", "leverage", right=True),
    Column("state", "state"),
    Column("until", show.clock("paused_until")),
)
VERSIONS = (
    Column("version", "version", right=True),
    Column("at", show.clock("changed_at")),
    Column("by", "changed_by"),
)
PREVIEW = (
    Column("at", show.clock("at")),
    Column("signal", lambda row: f"{row['side']} {row['kind']}"),
    Column("price", "price", right=True),
    Column("would", "did"),
    Column("quantity", "quantity", right=True),
    Column("value", "value", right=True),
    Column("lost at stop", "loss", right=True),
    Column("why", "reason"),
    Column("ended by", "ended_by"),
    Column("result", "result", right=True),
)
TERMS = (Column("what", "name"), Column("value", "value"))


def add_to(app: typer.Typer) -> None:
    app.command(rich_help_panel=PANEL)(subscribe)
    app.command(rich_help_panel=PANEL)(unsubscribe)
    group = typer.Typer(
        help="List your subscriptions, and change one.", invoke_without_command=True
    )
    group.callback()(listed)
    for command in (shown, versions, preview, change, pause, resume):
        group.command()(command)
    group.command(name="cancel")(unsubscribe)
    app.add_typer(group, name="subscriptions", rich_help_panel=PANEL)
    app.command(rich_help_panel=PANEL)(capacity)


def subscribe(
    deployment: Annotated[str, typer.Argument(help="A deployment's name or id.")],
    account: Annotated[str, typer.Option(help="An account's name or id.")] = "practice",
    capital: Annotated[str, typer.Option(help="What it may work with.")] = "1000",
    currency: Annotated[str | None, typer.Option(help="The capital's; else the account's.")] = None,
    risk: Risk = "0.01",
    leverage: Leverage = "1",
    margin_currency: Annotated[
        str | None, typer.Option(help="Futures: INR or USDT; else the capital's.")
    ] = None,
    sizing: Sizing = None,
    max_daily_loss: DailyLoss = None,
    max_notional: Notional = None,
    slippage: Slippage = None,
    max_age_seconds: Age = None,
    software_stop: Stop = None,
    opposite: Opposite = None,
    allow: Allow = None,
    deny: Deny = None,
    only_preview: Annotated[
        bool, typer.Option("--preview", help="Only tell what it would have done.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Mirror a deployment's signals in one of your accounts."""
    given: dict[str, Any] = {
        "capital": capital,
        "risk": risk,
        "leverage": leverage,
        "margin_currency": margin_currency,
        "sizing": sizing,
        "max_daily_loss": max_daily_loss,
        "max_notional": max_notional,
        "slippage": slippage,
        "max_age_seconds": max_age_seconds,
        "software_stop": software_stop,
        "opposite": opposite,
        "symbols_allowed": allow,
        "symbols_denied": deny,
    }

    async def asked(api: Api) -> dict[str, Any]:
        ship = await find_deployment(api, deployment)
        book = await find_account(api, account)
        money = {"capital_currency": currency or book["home_currency"]}
        return {"deployment_id": ship["id"], "account_id": book["id"], **given, **money}

    async def foresee(api: Api) -> shapes.PreviewOut:
        return await api.send(calls.preview_subscription(**await asked(api)))

    async def follow(api: Api) -> shapes.SubscriptionDetail:
        return await api.send(calls.subscribe(**await asked(api)))

    if only_preview:
        _foreseen(call(foresee), as_json)
        return
    found = call(follow)
    show.one(
        found,
        as_json,
        f"Subscribed ({found['id']}): {capital} {found['capital_currency']} follow "
        f"{deployment} in {account}{_levered(found)}.",
    )


def listed(context: typer.Context, as_json: AsJson = False) -> None:
    if context.invoked_subcommand is not None:
        return
    found = ask_all(calls.list_subscriptions())
    show.rows(
        found,
        SUBSCRIPTIONS,
        empty="No subscription yet. `slipway subscribe DEPLOYMENT --account NAME` makes one.",
        as_json=as_json,
    )


def shown(subscription: Which, as_json: AsJson = False) -> None:
    """Show one with all of its terms, and whose word its leverage is."""
    found = ask(calls.get_subscription(subscription_id=subscription))
    if as_json:
        show.print_json(found)
        return
    told = {name: _text(value) for name, value in found.items() if name != "levered_by"}
    levers = {f"leverage by {name}": value or "" for name, value in found["levered_by"].items()}
    both = {**told, **levers}
    show.rows([{"name": k, "value": v} for k, v in both.items()], TERMS, empty="")


shown.__name__ = "show"


def versions(subscription: Which, as_json: AsJson = False) -> None:
    """List each change of it, newest first: who, when, what."""
    found = ask_all(calls.list_subscription_versions(subscription_id=subscription))
    columns = (*VERSIONS, Column("what", _said))
    show.rows(found, columns, empty="None.", as_json=as_json)


def preview(
    subscription: Which,
    signals: Annotated[int, typer.Option("-n", "--signals", help="How many of the last.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Tell what the terms of today would have done at the last signals."""
    _foreseen(ask(calls.get_preview(subscription_id=subscription, signals=signals)), as_json)


def capacity(
    deployment: Annotated[str, typer.Argument(help="A deployment's name or id.")],
    max_age_seconds: Annotated[int, typer.Option(help="After which a signal is too old.")] = 60,
    as_json: AsJson = False,
) -> None:
    """Tell how many live subscribers of one signal the exchange's limits serve in time."""

    async def look(api: Api) -> shapes.CapacityOut:
        ship = await find_deployment(api, deployment)
        which, age = ship["id"], max_age_seconds
        return await api.send(calls.get_capacity(deployment_id=which, max_age_seconds=age))

    found = call(look)
    show.one(found, as_json, _room(found))


def _foreseen(found: shapes.PreviewOut, as_json: bool) -> None:
    if as_json:
        show.print_json(found)
        return
    show.rows(found["lines"], PREVIEW, empty="It has given no signal yet.")
    skipped = sum(found["skips"].values())
    print(
        f"{found['entries']} entries, {found['exits']} exits, {skipped} skipped; "
        f"what ended came to about {show.money(found['result'], found['quote'])}."
    )
    by, least = found["levered_by"], found["smallest"]
    print(f"Levered {by['effective']} at most.")
    if least is not None:
        worth = f"{least['value']} {found['quote']}"
        print(f"The smallest order is {least['quantity']}, worth {worth}.")
    if found["capacity"] is not None:
        print(_room(found["capacity"]))


def _room(found: shapes.CapacityOut) -> str:
    each = f"{found['calls_per_minute']} calls a minute, {found['calls_per_entry']} an entry"
    return (
        f"{found['per_address']} live subscribers enter within {found['max_age_seconds']} s "
        f"through one address ({each}), {found['in_all']} in all; {found['following']} follow."
    )


def change(
    subscription: Which,
    capital: Annotated[str | None, typer.Option(help="What it may work with.")] = None,
    currency: Annotated[str | None, typer.Option(help="The capital's.")] = None,
    risk: Risk = None,
    leverage: Leverage = None,
    sizing: Sizing = None,
    max_daily_loss: DailyLoss = None,
    max_notional: Notional = None,
    slippage: Slippage = None,
    max_age_seconds: Age = None,
    software_stop: Stop = None,
    opposite: Opposite = None,
    allow: Allow = None,
    deny: Deny = None,
    as_json: AsJson = False,
) -> None:
    """Give it other terms for what comes; `''` takes a limit away. The rest stays as it is."""
    given = {
        "capital": capital,
        "capital_currency": currency,
        "risk": risk,
        "leverage": leverage,
        "sizing": sizing,
        "max_daily_loss": max_daily_loss,
        "max_notional": max_notional,
        "slippage": slippage,
        "max_age_seconds": max_age_seconds,
        "software_stop": software_stop,
        "opposite": opposite,
        "symbols_allowed": allow,
        "symbols_denied": deny,
    }
    wanted = {name: _meant(value) for name, value in given.items() if value is not None}

    async def alter(api: Api) -> shapes.SubscriptionDetail:
        seen = await api.send(calls.get_subscription(subscription_id=subscription))
        terms = {name: value for name, value in seen.items() if name in KEPT}
        return await api.send(
            calls.change_terms(
                subscription_id=subscription,
                if_match=f'"{seen["version"]}"',
                **cast("Any", {**terms, **wanted}),
            )
        )

    found = call(alter)
    show.one(found, as_json, f"{found['id']} is at version {found['version']}{_levered(found)}.")


def pause(
    subscription: Which,
    until: Annotated[
        str | None, typer.Option(help="2026-01-06T09:30:00+05:30, or in how long: 90m, 12h, 3d.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Enter nothing from now on; exits and stops of what is open go on."""
    moment = None if until is None else moment_of(until)
    found = ask(calls.pause_subscription(subscription_id=subscription, until=moment))
    ends = "until you resume it" if found["paused_until"] is None else f"until {until_of(found)}"
    show.one(found, as_json, f"{found['id']} is paused {ends}.")


def resume(subscription: Which, as_json: AsJson = False) -> None:
    """Follow again."""
    found = ask(calls.resume_subscription(subscription_id=subscription))
    show.one(found, as_json, f"{found['id']} is {found['state']}.")


def unsubscribe(
    subscription: Which, positions: Positions = "keep", as_json: AsJson = False
) -> None:
    """End a subscription; its open positions are looked after, or closed now."""
    found = ask(calls.cancel_subscription(subscription_id=subscription, positions=positions))
    what = "are being closed" if positions == "close" else "keep their stops until they are closed"
    show.one(found, as_json, f"{found['id']} is {found['state']}; open positions {what}.")


KEPT = frozenset(
    {
        "capital", "capital_currency", "risk", "leverage", "sizing", "margin_currency",
        "max_positions", "max_daily_loss", "max_notional", "slippage", "max_age_seconds",
        "software_stop", "opposite", "symbols_allowed", "symbols_denied",
    }
)  # fmt: skip
UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def moment_of(text: str) -> str:
    """A moment as the API takes it; without a zone it is this machine's."""
    amount, unit = text[:-1], text[-1:]
    if unit in UNITS and amount.isdecimal():
        return (RealClock().now() + timedelta(**{UNITS[unit]: int(amount)})).isoformat()
    try:
        return datetime.fromisoformat(text).astimezone().isoformat()
    except ValueError as error:
        raise typer.BadParameter(
            f"{text!r} is no moment. Write 2026-01-06T09:30, or in how long: 90m, 12h, 3d."
        ) from error


def until_of(row: Any) -> str:
    return show.clock("paused_until")(row)


def _meant(value: Any) -> Any:
    """An empty word is no limit, an empty list is all."""
    if value == "":
        return None
    return [word for word in value if word] if isinstance(value, list) else value


def _levered(found: shapes.SubscriptionDetail) -> str:
    by = found["levered_by"]
    if by["effective"] == found["leverage"]:
        return ""
    whose = "its deployment" if by["deployment"] == by["effective"] else found["instrument"]
    return f", levered {by['effective']} at most: {whose} takes no more"


def _said(row: Any) -> str:
    if not row["changed"]:
        return "made"
    return ", ".join(f"{name} = {_text(row['terms'].get(name))}" for name in row["changed"])


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(value)
    return "" if value is None else str(value)
