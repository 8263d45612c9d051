"""Subscriptions, and what came of signals in each account."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

import typer

from control_plane.cli import following, order_story, show
from control_plane.cli.person import Code, Google, Password, call_as_person
from control_plane.cli.session import AsJson, Limit, ask, ask_rows
from control_plane.cli.show import Column
from control_plane.client import Call, Items, calls

PANEL = "Trading"

Scope = Annotated[
    str, typer.Argument(help="platform, or venue:, deployment:, user:, account:, instrument: …")
]

SIGNALS = (
    Column("accepted", show.clock("accepted_at")),
    Column("instrument", "instrument"),
    Column("says", "action"),
    Column("price", "price", right=True),
    Column("stop", "stop_loss", right=True),
    Column("target", "take_profit", right=True),
    Column("state", "state"),
    Column("why", lambda row: row["refusal"] or row["reason"]),
    Column("id", "id"),
)
ORDERS = (
    Column("sent", show.clock("sent_at")),
    Column("instrument", "instrument"),
    Column("side", "side"),
    Column("kind", "kind"),
    Column("quantity", "quantity", right=True),
    Column("price", lambda row: row["price"] or row["trigger_price"], right=True),
    Column("filled", "filled", right=True),
    Column("state", "state"),
    Column("why", "reason"),
)
TRADES = (
    Column("opened, market time", show.clock("opened_at")),
    Column("instrument", "instrument"),
    Column("side", "side"),
    Column("quantity", "entered", right=True),
    Column("state", "state"),
    Column("profit", lambda row: show.money(row["pnl"], row["currency"]), right=True),
    Column("ended by", "exit_reason"),
    Column("closed", show.clock("closed_at")),
)
SKIPS = (
    Column("at", show.clock("at")),
    Column("instrument", "instrument"),
    Column("reason", "reason"),
    Column("signal", "signal_id"),
)
FILLS = (
    Column("at", show.clock("at")),
    Column("instrument", "instrument"),
    Column("side", "side"),
    Column("quantity", "quantity", right=True),
    Column("price", "price", right=True),
    Column("fee", lambda row: f"{row['fee']} {row['fee_currency']}", right=True),
)
INTENTS = (
    Column("planned", show.clock("planned_at")),
    Column("instrument", "instrument"),
    Column("leg", "leg"),
    Column("side", "side"),
    Column("quantity", "quantity", right=True),
    Column("filled", "filled", right=True),
    Column("state", "state"),
    Column("why", "reason"),
    Column("id", "id"),
)
INSTRUMENTS = (
    Column("instrument", "id"),
    Column("base", "base"),
    Column("quote", "quote"),
    Column("tick", "tick_size", right=True),
    Column("step", "quantity_step", right=True),
    Column("least", "min_notional", right=True),
    Column("leverage", "max_leverage", right=True),
)
ALARMS = (
    Column("rule", "rule"),
    Column("about", "subject"),
    Column("what", "what"),
    Column("since", show.clock("since")),
)
HALTS = (
    Column("scope", "scope"),
    Column("mode", "mode"),
    Column("still open", "open_trades", right=True),
    Column("stands", lambda row: "yes" if row["active"] else "no"),
    Column("since", show.clock("at")),
    Column("by", "by_user"),
    Column("cause", "cause"),
    Column("reason", "reason"),
)


def add_to(app: typer.Typer) -> None:
    following.add_to(app)
    for name, (listing, columns, sentence, empty) in LISTS.items():
        listed = _lister(listing, columns, empty)
        if name not in GROUPS:
            app.command(name=name, rich_help_panel=PANEL, help=sentence)(listed)
            continue
        group = typer.Typer(help=sentence, invoke_without_command=True)
        group.callback()(_unless_asked_otherwise(listed))
        for command in GROUPS[name]:
            group.command()(command)
        app.add_typer(group, name=name, rich_help_panel=PANEL)
    app.command(rich_help_panel=PANEL)(explain)
    app.command(rich_help_panel=PANEL)(close)
    app.command(rich_help_panel=PANEL)(halt)
    app.command(rich_help_panel=PANEL)(unhalt)


def explain(
    intent: Annotated[str, typer.Argument(help="An intent's id.")], as_json: AsJson = False
) -> None:
    """Show what an intent's quantity was computed from."""
    found = ask(calls.get_intent(intent_id=intent))
    if as_json:
        show.print_json(found)
        return
    rows = [{"name": name, "value": value} for name, value in found["explain"].items()]
    columns = (Column("what", "name"), Column("value", "value"))
    print(f"{found['leg']} {found['side']} {found['quantity']} {found['instrument']}")
    show.rows(rows, columns, empty="There is no record of it.")


def close(
    trade: Annotated[str, typer.Argument(help="A trade's id.")], as_json: AsJson = False
) -> None:
    """Leave a position now, whatever its strategy says."""
    found = ask(calls.close_trade(trade_id=trade))
    show.one(found, as_json, f"Asked to close {trade}. `slipway trades` shows when it is.")


def halt(
    scope: Scope = "platform",
    mode: Annotated[
        Literal["halt_new", "reduce_only", "flatten"],
        typer.Option(help="Refuse entries; take back what rests of them, too; close all, too."),
    ] = "halt_new",
    reason: Annotated[str, typer.Option(help="Why, for whoever looks later.")] = "",
    as_json: AsJson = False,
) -> None:
    """Refuse new entries from now on, everywhere or in one scope; exits and stops always go."""
    found = ask(calls.halt(scope=scope, mode=mode, reason=reason))
    show.one(found, as_json, f"Halted: {scope}. {found['denied']} orders had not left yet.")


def unhalt(
    scope: Scope = "platform", password: Password = None, code: Code = None, google: Google = False
) -> None:
    """Let entries go again."""
    asked = calls.lift_halt(scope=scope)
    call_as_person(lambda api: api.send(asked), password, code, google)
    print(f"Lifted: {scope}.")


Listing = Callable[..., Call[Items[Any]]]

LISTS: dict[str, tuple[Listing, tuple[Column, ...], str, str]] = {
    "signals": (calls.list_signals, SIGNALS, "List signals, newest first.", "No signal yet."),
    "skips": (
        calls.list_skips,
        SKIPS,
        "List signals that an account did not follow, and why.",
        "None.",
    ),
    "intents": (calls.list_intents, INTENTS, "List what was meant to be done.", "No intent yet."),
    "orders": (calls.list_orders, ORDERS, "List orders, newest first.", "No order yet."),
    "fills": (calls.list_fills, FILLS, "List fills, newest first.", "No fill yet."),
    "trades": (calls.list_trades, TRADES, "List trades, newest first.", "No trade yet."),
    "alarms": (
        calls.list_alarms,
        ALARMS,
        "List what must hold and does not.",
        "Everything holds.",
    ),
    "halts": (calls.list_halts, HALTS, "List halts, newest first.", "Nothing was ever halted."),
    "instruments": (
        calls.list_instruments,
        INSTRUMENTS,
        "List what can be traded.",
        "No instrument yet.",
    ),
}


GROUPS = {
    "orders": (order_story.explain, order_story.resolve),
    "signals": (order_story.show_signal,),
}


def _unless_asked_otherwise(listed: Callable[[int, bool], None]) -> Callable[..., None]:
    def main(context: typer.Context, limit: Limit = 20, as_json: AsJson = False) -> None:
        if context.invoked_subcommand is None:
            listed(limit, as_json)

    return main


def _lister(listing: Listing, columns: tuple[Column, ...], empty: str) -> Any:
    def listed(limit: Limit = 20, as_json: AsJson = False) -> None:
        found = ask_rows(listing(limit=limit))
        show.rows(found, columns, empty=empty, as_json=as_json)

    return listed
