"""Accounts with play money, and one's own password."""

from typing import Annotated

import typer

from control_plane.cli import show
from control_plane.cli.person import Code, Google, Password, call_as_person
from control_plane.cli.session import Api, AsJson, ask, ask_all, call, find_account
from control_plane.cli.show import Column
from control_plane.client import calls, shapes
from control_plane.errors import Unavailable
from control_plane.infra.clock import RealClock

PANEL = "Accounts"
CHECK_SECONDS = 20.0
CHECK_LOOKS = 80
OWN = "direct"  # no egress address is chosen: the machine's own
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
    found = ask(calls.open_paper_account(name=name, currency=currency, amount=amount))
    show.one(found, as_json, f"{name} is open with {amount} {currency} of play money.")


@group.command(name="list")
def list_accounts(as_json: AsJson = False) -> None:
    """List your accounts."""
    found = ask_all(calls.list_accounts())
    show.rows(
        found,
        ACCOUNTS,
        empty="No account yet. Open one with `slipway accounts open NAME`.",
        as_json=as_json,
    )


@group.command()
def balances(account: Which, as_json: AsJson = False) -> None:
    """Show what an account holds."""

    async def look(api: Api) -> list[shapes.BalanceOut]:
        one = await find_account(api, account)
        return await api.all(calls.list_balances(account_id=one["id"]))

    show.rows(call(look), BALANCES, empty="It is empty.", as_json=as_json)


@group.command()
def connect(
    name: Annotated[str, typer.Argument(help="A name for your account at CoinDCX.")],
    currency: Annotated[str, typer.Option(help="What you reckon in.")] = "INR",
    api_key: Annotated[
        str, typer.Option(prompt="API key", hide_input=True, show_default=False)
    ] = "",
    api_secret: Annotated[
        str, typer.Option(prompt="API secret", hide_input=True, show_default=False)
    ] = "",
    password: Password = None,
    code: Code = None,
    google: Google = False,
    as_json: AsJson = False,
) -> None:
    """Connect an account of yours at CoinDCX, or give it another key, and test it."""

    async def give_key(api: Api) -> shapes.KeyCheckOut:
        known = await api.all(calls.list_accounts(name=name))
        opened = calls.open_live_account(name=name, home_currency=currency)
        identity = known[0]["id"] if known else (await api.send(opened))["id"]
        await api.send(calls.put_key(account_id=identity, api_key=api_key, api_secret=api_secret))
        return await _tested(api, identity, None)

    _tell_check(call_as_person(give_key, password, code, google), as_json)


@group.command()
def check(account: Which, as_json: AsJson = False) -> None:
    """Test an account's key at its exchange: what it sees, its clock, the address to bind it to."""

    async def test(api: Api) -> shapes.KeyCheckOut:
        one = await find_account(api, account)
        before = await api.send(calls.test_key(account_id=one["id"]))
        return await _tested(api, one["id"], before["checked_at"])

    _tell_check(call(test), as_json)


async def _tested(api: Api, identity: str, before: str | None) -> shapes.KeyCheckOut:
    """The trading role tests it; until then what was known before is told."""
    for _ in range(CHECK_LOOKS):
        found = await api.send(calls.get_key_check(account_id=identity))
        if found["checked_at"] != before:
            return found
        await RealClock().sleep(CHECK_SECONDS / CHECK_LOOKS)
    raise Unavailable(
        f"No answer within {CHECK_SECONDS:g} s.", remedy="Is a process with the trading role up?"
    )


def _tell_check(found: shapes.KeyCheckOut, as_json: bool) -> None:
    if as_json:
        show.print_json(found)
        return
    skew = found["skew_ms"]
    clocks = "" if skew is None else f" Its clock is {skew / 1000:+.1f} s from ours."
    print(f"The key is {found['state']}{': ' + found['reason'] if found['reason'] else '.'}")
    address = found["egress"]
    where = "this machine's own public address" if address == OWN else f"the address {address!r}"
    print(f"Bind it to {where} at the exchange.{clocks}")
    show.rows(found["held"], BALANCES, empty="It sees no money.")


@group.command()
def reset(
    account: Which,
    currency: Currency = "USDT",
    amount: Amount = "10000",
    as_json: AsJson = False,
) -> None:
    """Begin again with fresh play money."""

    async def begin_again(api: Api) -> shapes.AccountOut:
        one = await find_account(api, account)
        return await api.send(
            calls.reset_account(account_id=one["id"], currency=currency, amount=amount)
        )

    found = call(begin_again)
    show.one(found, as_json, f"{found['name']} begins again with {amount} {currency}.")


def password(
    new: Annotated[
        str, typer.Option(prompt="New password", hide_input=True, confirmation_prompt=True)
    ],
) -> None:
    """Set the first user's password, as the operator of this machine."""
    ask(calls.change_password(new_password=new))
    print("The password is set.")
