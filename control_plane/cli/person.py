"""Commands that take a person: what makes tokens, keeps keys or lifts halts no program's token may
do, and the one that `slipway login` keeps is such a token. Whoever signed in elsewhere signs in
once more for them; the operator of this machine need not.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import typer

from control_plane.cli.kept import Kept
from control_plane.cli.session import Api, call_at, target
from control_plane.client import calls, shapes

T = TypeVar("T")

Password = Annotated[
    str | None, typer.Option(envvar="SLIPWAY_PASSWORD", help="Asked for if it is not given.")
]
Code = Annotated[str | None, typer.Option(help="Six digits, if you have a second factor.")]
Google = Annotated[bool, typer.Option("--google", help="Sign in in your browser.")]


def call_as_person(
    doing: Callable[[Api], Awaitable[T]], password: str | None, code: str | None, google: bool
) -> T:
    """Like `call`, with a session that lasts as long as this."""
    at = target()
    if not isinstance(at, Kept):
        return call_at(at.address, at.token, doing)
    if google:
        signed_in = by_google(at.address, code)
    else:
        me = call_at(at.address, at.token, lambda api: api.send(calls.who_am_i()))
        signed_in = by_password(at.address, me["name"], password, code)

    async def once(api: Api) -> T:
        try:
            return await doing(api)
        finally:
            await api.send(calls.end_session(session_id=signed_in["session_id"]))

    return call_at(at.address, signed_in["access_token"], once)


def by_password(
    at: str, email: str | None, password: str | None, code: str | None
) -> shapes.SignedInOut:
    email = email or typer.prompt("E-mail")
    password = password or typer.prompt("Password", hide_input=True)
    return call_at(
        at, "", lambda api: api.send(calls.sign_in(email=email, password=password, code=code))
    )


def by_google(at: str, code: str | None) -> shapes.SignedInOut:
    from control_plane.cli import browser
    from control_plane.client import Forbidden

    claim, verifier = browser.claimed(at, print)

    def ask_for(code: str | None) -> shapes.SignedInOut:
        asked = calls.claim_with_google(claim=claim, verifier=verifier, code=code)
        return call_at(at, "", lambda api: api.send(asked))

    try:
        return ask_for(code)
    except Forbidden as refused:
        if code is not None or refused.field != "code":
            raise
        return ask_for(typer.prompt("Code"))
