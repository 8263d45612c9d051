"""Signing in with Google: there, back, and where it was begun."""

from typing import Annotated

from fastapi import APIRouter, Cookie, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import Field
from starlette.status import HTTP_303_SEE_OTHER

from control_plane.infra.http_callers import Me
from control_plane.infra.http_refusals import problem
from control_plane.infra.http_shapes import Body, Shape
from control_plane.sessions.api.doors import Code, SignedInOut, give
from control_plane.sessions.api.who import device, require_session, user_id
from control_plane.sessions.errors import FactorNeeded
from control_plane.sessions.models.federated import Asked
from control_plane.sessions.service.federation import Federation

# Lax, not Strict: the way back begins at another site.
COOKIE = "__Host-slipway-google"
COOKIE_SECONDS = 600

Kept = Annotated[str | None, Cookie(alias=COOKIE, max_length=100)]
EXAMPLE = "5sVvT0wXq9JmY2c8Hn4LbA7eRkUz1oPdGfWi3tKx6Mc"
Text = Annotated[str | None, Query(max_length=2_048, examples=[EXAMPLE])]
Page = Annotated[
    str, Query(max_length=200, description="Of ours, to come back to.", examples=["/#trades"])
]
Port = Annotated[int | None, Query(description="Where a command line listens.", examples=[53682])]
Challenge = Annotated[
    str, Query(max_length=100, description="S256, of its verifier.", examples=[EXAMPLE])
]
Invitation = Annotated[str | None, Query(max_length=100, examples=[EXAMPLE])]


class Link(Body):
    page: str = Field(
        "/", max_length=200, description="Of ours, to come back to.", examples=["/#trades"]
    )


class Finish(Body):
    code: Code = None


class Claim(Body):
    claim: str = Field(
        max_length=100, description="As the command line was given it.", examples=[EXAMPLE]
    )
    verifier: str = Field(
        max_length=128, description="Whose challenge began it.", examples=[EXAMPLE]
    )
    code: Code = None


class Onwards(Shape):
    address: str = Field(examples=["https://accounts.google.com/o/oauth2/v2/auth?client_id=…"])


def federated_doors(federation: Federation) -> APIRouter:
    router = APIRouter(prefix="/sign-in/google", tags=["sign-in"])

    @router.get("", status_code=HTTP_303_SEE_OTHER, response_class=RedirectResponse)
    async def begin_with_google(
        request: Request,
        page: Page = "/",
        port: Port = None,
        challenge: Challenge = "",
        invitation: Invitation = None,
    ) -> RedirectResponse:
        """Sign in with Google. The browser goes there, and comes back."""
        asked = Asked(page, port, challenge, invitation)
        departs = await federation.depart(asked, device(request).network)
        onwards = RedirectResponse(departs.address, HTTP_303_SEE_OTHER)
        _keep(onwards, departs.browser)
        return onwards

    @router.get(
        "/callback",
        status_code=HTTP_303_SEE_OTHER,
        response_class=RedirectResponse,
    )
    async def come_back_from_google(
        request: Request,
        state: Text = None,
        code: Text = None,
        iss: Text = None,
        kept: Kept = None,
    ) -> Response:
        """Where Google sends the browser. It works once, and in the browser that began."""
        try:
            arrival = await federation.arrive(state or "", code, iss, kept or "", device(request))
        except FactorNeeded as needed:
            refusal = problem(needed, request.scope["slipway.request_id"])
            _keep(refusal, needed.claim)
            return refusal
        lands = arrival.landing
        where = f"{lands.text}?claim={arrival.claim}" if arrival.claim else lands.text
        onwards = RedirectResponse(where, HTTP_303_SEE_OTHER)
        onwards.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="lax")
        if arrival.signed_in is not None:
            give(onwards, arrival.signed_in)
        return onwards

    @router.post("/finish")
    async def finish_with_google(
        request: Request, response: Response, body: Finish, kept: Kept = None
    ) -> SignedInOut:
        """What is left to do in a browser: the second factor."""
        made = await federation.finish(kept or "", "", body.code, device(request))
        return give(response, made)

    @router.post("/claim")
    async def claim_with_google(request: Request, response: Response, body: Claim) -> SignedInOut:
        """What is left to do for a command line: claim its session."""
        made = await federation.finish(body.claim, body.verifier, body.code, device(request))
        return give(response, made)

    return router


def my_google_routes(federation: Federation) -> APIRouter:
    router = APIRouter(prefix="/me", tags=["me"])

    @router.post("/google")
    async def link_google(me: Me, request: Request, response: Response, body: Link) -> Onwards:
        """Be known by your Google account from now on: go to the address that this answers."""
        departs = await federation.depart(
            Asked(body.page), device(request).network, user=user_id(me)
        )
        _keep(response, departs.browser)
        return Onwards(address=departs.address)

    @router.post("/step-up/google")
    async def step_up_with_google(
        me: Me, request: Request, response: Response, body: Link
    ) -> Onwards:
        """Prove once more that it is you, for who has no password here: go to the address that
        this answers, where Google asks again. It is a new session.
        """
        departs = await federation.depart_to_step_up(
            body.page, device(request).network, user_id(me), require_session(me)
        )
        _keep(response, departs.browser)
        return Onwards(address=departs.address)

    @router.delete("/google", status_code=204)
    async def unlink_google(me: Me) -> None:
        """Be known by your password alone again."""
        await federation.unlink(user_id(me))

    return router


def _keep(response: Response, secret: str) -> None:
    response.set_cookie(
        COOKIE,
        secret,
        max_age=COOKIE_SECONDS,
        path="/",
        secure=True,
        httponly=True,
        samesite="lax",
    )
