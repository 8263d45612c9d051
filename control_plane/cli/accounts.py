"""Accounts with play money, and one's own password."""

from typing import Annotated, Any

import typer

from control_plane.cli import show
from control_plane.cli.session import Api, AsJson, call, find, part
from control_plane.cli.show import Column

PANEL = "Accounts"
group = typer.Typer(no_args_is_help=True, help="Open accounts with play money and look at them.")

Which = Annotated[str, typer.Argument(help="An account's name or id.", show_default=False)]
Currency = Annotated[str, typer.Option(help="INR, USDT, …")]
Amount = Annotated[str, typer.Option(help="How much play money.")]

ACCOUNTS = (
    Column("name", "name"),
    Column("venue", "venue"),
    Column("state", "state"),
    Column("currency", "home_currency"),
    Column("opened", show.clock("created_at")),
    Column("id", "id"),
)
BALANCES = (
    Column("wallet", "wallet"),
    Column("currency", "currency"),
    Column("free", "free", right=True),
    Column("in orders", "locked", right=True),
)


def add_to(app: typer.Typer) -> None:
    app.add_typer(group, name="accounts", rich_help_panel=PANEL)
    app.command(rich_help_panel=PANEL)(password)


@group.command(name="open")
def open_account(
    name: Annotated[str, typer.Argument(help="A name for it.")],
    currency: Currency = "USDT",
    amount: Amount = "10000",
    as_json: AsJson = False,
) -> None:
    """Open an account with play money."""
    body = {"name": name, "currency": currency, "amount": amount}
    found = call(lambda api: api.post("/accounts/paper", body))
    show.one(found, as_json, f"{name} is open with {amount} {currency} of play money.")


@group.command(name="list")
def list_accounts(as_json: AsJson = False) -> None:
    """List your accounts."""
    show.rows(
        call(lambda api: api.get("/accounts"))["items"],
        ACCOUNTS,
        empty="No account yet. Open one with `slipway accounts open NAME`.",
        as_json=as_json,
    )


@group.command()
def balances(account: Which, as_json: AsJson = False) -> None:
    """Show what an account holds."""

    async def ask(api: Api) -> list[dict[str, Any]]:
        one = await find(api, "/accounts", account, "account")
        return list((await api.get(f"/accounts/{part(one['id'])}/balances"))["items"])

    show.rows(call(ask), BALANCES, empty="It is empty.", as_json=as_json)


@group.command()
def reset(
    account: Which,
    currency: Currency = "USDT",
    amount: Amount = "10000",
    as_json: AsJson = False,
) -> None:
    """Begin again with fresh play money."""

    async def ask(api: Api) -> dict[str, Any]:
        one = await find(api, "/accounts", account, "account")
        body = {"currency": currency, "amount": amount}
        return dict(await api.post(f"/accounts/{part(one['id'])}/reset", body))

    found = call(ask)
    show.one(found, as_json, f"{found['name']} begins again with {amount} {currency}.")


def password(
    new: Annotated[
        str, typer.Option(prompt="New password", hide_input=True, confirmation_prompt=True)
    ],
) -> None:
    """Set the first user's password, as the operator of this machine."""
    call(lambda api: api.post("/me/password", {"new_password": new}))
    print("The password is set.")
