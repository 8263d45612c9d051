"""Who one is: signing in at a Slipway elsewhere, and personal API tokens."""

from typing import Annotated, Any

import typer

from control_plane.cli import kept, show
from control_plane.cli.kept import Kept
from control_plane.cli.session import Api, AsJson, address_of, call, call_at, part
from control_plane.cli.show import Column

PANEL = "Accounts"
tokens = typer.Typer(no_args_is_help=True, help="Make, list and revoke personal API tokens.")

Email = Annotated[str, typer.Option(prompt="E-mail")]
Password = Annotated[
    str, typer.Option(prompt="Password", hide_input=True, envvar="SLIPWAY_PASSWORD")
]
Code = Annotated[str | None, typer.Option(help="Six digits, if you have a second factor.")]
Address = Annotated[
    str | None, typer.Option(help="Of a Slipway elsewhere; if not given, the one of this folder.")
]
SCOPES = ("read", "trade", "author", "admin")

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
    email: Email,
    password: Password,
    code: Code = None,
    address: Address = None,
    days: Annotated[int, typer.Option(min=1, max=365, help="How long it holds.")] = 30,
) -> None:
    """Sign in, and keep a token for the commands that follow."""
    at = kept.checked(address or address_of())

    async def ask(api: Api) -> dict[str, Any]:
        person = await _signed_in(api, email, password, code)
        body = {"name": "slipway login", "scopes": list(SCOPES), "days": days}
        made = dict(await person.post("/tokens", body))
        await person.delete(f"/sessions/{part(person.session)}")
        return made

    made = call_at(at, "", ask)
    kept.keep(Kept(at, made["token"]))
    print(f"Signed in as {email} at {at}, until {made['expires_at'][:10]}.")


def logout() -> None:
    """Forget the token that `slipway login` kept."""
    print("Signed out." if kept.forget() else "Nobody was signed in.")


def whoami(as_json: AsJson = False) -> None:
    """Say as whom the commands act."""
    found = call(lambda api: api.get("/me"))
    role = ", an admin" if found["is_admin"] else ""
    show.one(found, as_json, f"{found['name']}{role} ({found['id']})")


@tokens.command(name="create")
def create(
    name: Annotated[str, typer.Argument(help="What it is for.")],
    scope: Annotated[list[str], typer.Option(help=" | ".join(SCOPES))],
    days: Annotated[int, typer.Option(min=1, max=365)] = 90,
    as_json: AsJson = False,
) -> None:
    """Make a token for a program. It is shown this once."""
    body = {"name": name, "scopes": scope, "days": days}
    made = call(lambda api: api.post("/tokens", body))
    show.one(made, as_json, f"{made['token']}\nShown this once; good until {made['expires_at']}.")


@tokens.command(name="list")
def list_tokens(as_json: AsJson = False) -> None:
    """List your tokens."""
    show.rows(
        call(lambda api: api.get("/tokens"))["items"],
        TOKENS,
        empty="No token yet. Make one with `slipway token create NAME --scope read`.",
        as_json=as_json,
    )


@tokens.command()
def revoke(token: Annotated[str, typer.Argument(help="Its id.", show_default=False)]) -> None:
    """Revoke a token, at once."""
    call(lambda api: api.delete(f"/tokens/{part(token)}"))
    print("Revoked.")


async def _signed_in(api: Api, email: str, password: str, code: str | None) -> Api:
    body = {"email": email, "password": password, **({"code": code} if code else {})}
    given = await api.post("/sessions", body)
    return api.known_by(given["access_token"], given["session_id"])
