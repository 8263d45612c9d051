"""Who one is: signing in at a Slipway elsewhere, and personal API tokens."""

from typing import Annotated, Literal, cast, get_args

import typer

from control_plane.cli import kept, show
from control_plane.cli.kept import Kept
from control_plane.cli.person import Code, Google, Password, by_google, by_password, call_as_person
from control_plane.cli.session import Api, AsJson, address_of, ask, call_at
from control_plane.cli.show import Column
from control_plane.client import calls, shapes

PANEL = "Accounts"
tokens = typer.Typer(no_args_is_help=True, help="Make, list and revoke personal API tokens.")

Email = Annotated[str | None, typer.Option(help="Asked for if it is not given.")]
Address = Annotated[
    str | None, typer.Option(help="Of a Slipway elsewhere; if not given, the one of this folder.")
]
Scope = Literal["read", "trade", "author", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)

TOKENS = (
    Column("name", "name"),
    Column("ends in", "hint"),
    Column("scopes", lambda row: " ".join(row["scopes"])),
    Column("expires", show.clock("expires_at")),
    Column("used", show.clock("used_at")),
    Column("id", "id"),
)


def add_to(app: typer.Typer) -> None:
    app.command(rich_help_panel=PANEL)(login)
    app.command(rich_help_panel=PANEL)(logout)
    app.command(rich_help_panel=PANEL)(whoami)
    app.add_typer(tokens, name="token", rich_help_panel=PANEL)


def login(
    email: Email = None,
    password: Password = None,
    code: Code = None,
    address: Address = None,
    days: Annotated[int, typer.Option(min=1, max=365, help="How long it holds.")] = 30,
    google: Google = False,
) -> None:
    """Sign in, and keep a token for the commands that follow."""
    at = kept.checked(address or address_of())
    signed_in = by_google(at, code) if google else by_password(at, email, password, code)

    async def leave_a_token(api: Api) -> tuple[shapes.MadeToken, str]:
        made = await api.send(calls.make_token(name="slipway login", scopes=[*SCOPES], days=days))
        me = await api.send(calls.who_am_i())
        await api.send(calls.end_session(session_id=signed_in["session_id"]))
        return made, me["name"]

    made, name = call_at(at, signed_in["access_token"], leave_a_token)
    kept.keep(Kept(at, made["token"]))
    print(f"Signed in as {name} at {at}, until {made['expires_at'][:10]}.")


def logout() -> None:
    """Forget the token that `slipway login` kept."""
    print("Signed out." if kept.forget() else "Nobody was signed in.")


def whoami(as_json: AsJson = False) -> None:
    """Say as whom the commands act."""
    found = ask(calls.who_am_i())
    role = ", an admin" if found["is_admin"] else ""
    show.one(found, as_json, f"{found['name']}{role} ({found['id']})")


@tokens.command(name="create")
def create(
    name: Annotated[str, typer.Argument(help="What it is for.")],
    scope: Annotated[list[str], typer.Option(help=" | ".join(SCOPES))],
    days: Annotated[int, typer.Option(min=1, max=365)] = 90,
    password: Password = None,
    code: Code = None,
    google: Google = False,
    as_json: AsJson = False,
) -> None:
    """Make a token for a program. It is shown this once."""
    asked = calls.make_token(name=name, scopes=cast("list[Scope]", scope), days=days)
    made = call_as_person(lambda api: api.send(asked), password, code, google)
    show.one(made, as_json, f"{made['token']}\nShown this once; good until {made['expires_at']}.")


@tokens.command(name="list")
def list_tokens(
    password: Password = None, code: Code = None, google: Google = False, as_json: AsJson = False
) -> None:
    """List your tokens."""
    found = call_as_person(lambda api: api.all(calls.list_tokens()), password, code, google)
    show.rows(
        found,
        TOKENS,
        empty="No token yet. Make one with `slipway token create NAME --scope read`.",
        as_json=as_json,
    )


@tokens.command()
def revoke(
    token: Annotated[str, typer.Argument(help="Its id.", show_default=False)],
    password: Password = None,
    code: Code = None,
    google: Google = False,
) -> None:
    """Revoke a token, at once."""
    asked = calls.revoke_token(token_id=token)
    call_as_person(lambda api: api.send(asked), password, code, google)
    print("Revoked.")
