"""Signing in by way of a provider: begun in a browser, finished in the same one, and good once.

Whoever comes back is known by the provider's name and its number for them. Their e-mail opens
nothing by itself: it makes a new user, or it is refused where somebody has proved it before. What
is known of a user at a provider they add themselves, once they have signed in.
"""

from dataclasses import dataclass, field
from typing import Any

import msgspec
from loguru import logger
from sqlalchemy import Row

from control_plane.accounts import service as accounts
from control_plane.accounts.models import User
from control_plane.core.clock import Clock
from control_plane.core.ids import Rng, UserId, random_id
from control_plane.infra import audit
from control_plane.infra.db import Database, Tx
from control_plane.infra.http_refusals import Throttled
from control_plane.infra.rootkey import Box
from control_plane.sessions.errors import (
    FactorNeeded,
    IdentityTaken,
    NoIdentity,
    NotLinked,
    NotOffered,
    NotProved,
    SignUpClosed,
    StepUpNeeded,
)
from control_plane.sessions.models.federated import Asked, Landing, landing
from control_plane.sessions.models.openid import (
    SKEW_SECONDS,
    BadAnswer,
    Begun,
    Claimed,
    challenge,
)
from control_plane.sessions.models.session import Device
from control_plane.sessions.models.tokens import digest, secret
from control_plane.sessions.service.factors import Factors
from control_plane.sessions.service.provider import OpenId
from control_plane.sessions.service.signing_in import Sessions, SignedIn
from control_plane.sessions.store import federated as store
from control_plane.sessions.store import proofs
from control_plane.settings import AccountSettings

LIFE_MS = 10 * 60_000
CLAIM_MS = 5 * 60_000


@dataclass(frozen=True)
class Departure:
    """Where the browser goes, and what it keeps to prove that it was the one."""

    address: str
    browser: str = field(repr=False)


@dataclass(frozen=True)
class Arrival:
    """Who came back: for a browser a session, for a command line what it gets one with, and for
    somebody who was here already neither.
    """

    landing: Landing
    signed_in: SignedIn | None = None
    claim: str = field(default="", repr=False)


@dataclass(frozen=True)
class Federation:
    db: Database
    clock: Clock
    rng: Rng
    sessions: Sessions
    factors: Factors
    box: Box = field(repr=False)
    settings: AccountSettings
    provider: OpenId | None

    async def depart(
        self, asked: Asked, network: str, user: UserId | None = None, session: str = ""
    ) -> Departure:
        """`user`: who is signed in and wants to be known by it from now on; or, with their
        `session`, to prove once more who they are.
        """
        provider = self._offered()
        self._slow_down(network)
        lands = landing(asked)
        begun = Begun(secret(self.rng), secret(self.rng), secret(self.rng), session)
        browser = secret(self.rng)
        address = await provider.question(begun)
        row = {
            "state": digest(begun.state),
            "browser": digest(browser),
            "secrets": self.box.seal(msgspec.json.encode(begun), digest(begun.state)),
            "tenant": user or "",
            "invitation": None if asked.invitation is None else digest(asked.invitation),
            "landing": lands.text,
            "challenge": lands.challenge,
        }
        await self.db.write(store.begin, row, LIFE_MS)
        return Departure(address, browser)

    async def arrive(
        self, state: str, code: str | None, sender: str | None, browser: str, device: Device
    ) -> Arrival:
        provider = self._offered()
        row = await self.db.write(store.use, digest(state), digest(browser))
        if row is None:
            raise _refused("no sign-in that began in this browser")
        if code is None:
            raise _refused("the provider sent no code")
        opened = self.box.open(row.secrets, row.state)
        if opened is None:
            raise _refused("not sealed by us")
        begun = msgspec.json.decode(opened, type=Begun)
        try:
            person = await provider.answer(code, sender, begun)
        except BadAnswer as error:
            raise _refused(str(error)) from error

        lands = Landing(row.landing, row.challenge)
        if begun.session:
            user = await self._proved_again(person, row)
            amr = await self.factors.prove(user, None)
            made = await self.sessions.follow(user, begun.session, ("fed", *amr), device)
            return Arrival(lands, signed_in=made)
        if row.tenant:
            await self.db.write(_link, person, UserId(row.tenant))
            return Arrival(lands)
        # Hashed before it is known whether it is needed: a transaction waits for nothing.
        nobody_knows = await self.sessions.users.passwords.hash(secret(self.rng))
        claim = secret(self.rng)
        await self.db.write(
            self._prove, row.state, person, row.invitation, nobody_knows, digest(claim)
        )
        if lands.is_command_line:
            return Arrival(lands, claim=claim)
        return Arrival(lands, signed_in=await self.finish(claim, "", None, device))

    async def finish(self, claim: str, verifier: str, code: str | None, device: Device) -> SignedIn:
        """A session, for what only the one who began has, and a second factor if there is one."""
        row, user = await self.db.read(_claimable, digest(claim))
        if row is None or user is None:
            raise _refused("nothing to be claimed")
        if row.challenge and challenge(verifier) != row.challenge:
            raise _refused("another command line")
        if code is None and await self.factors.stands(user.id):
            raise FactorNeeded(claim)
        amr = await self.factors.prove(user, code)
        if not await self.db.write(store.claim, row.state):
            raise _refused("claimed already")
        return await self.sessions.open_for(user, ("fed", *amr), device)

    async def depart_to_step_up(
        self, page: str, network: str, user: UserId, session: str
    ) -> Departure:
        if await self.factors.stands(user):
            raise StepUpNeeded(
                "You have a second factor.", remedy="POST /api/v1/me/step-up with its `code`."
            )
        if not await self.db.read(store.has_identity, user):
            raise NoIdentity(
                "You are not known by Google here.",
                remedy="POST /api/v1/me/step-up with your password.",
            )
        return await self.depart(Asked(page), network, user, session)

    async def _proved_again(self, person: Claimed, row: Row[Any]) -> User:
        """The very person, and since it was asked for: not whoever is signed in there for days."""
        found = await self.db.read(_known_by, person)
        if found is None or found.id != row.tenant:
            raise _refused("another person at the provider")
        asked_ms = row.expires_ms - LIFE_MS
        if (person.proved_at + SKEW_SECONDS) * 1000 < asked_ms:
            raise _refused("proved before it was asked for, or the provider does not say when")
        return found

    async def unlink(self, user: UserId) -> None:
        if not await self.db.write(_unlink, user):
            raise NoIdentity("You are not known by Google here.", remedy="Nothing is to be done.")

    def _prove(
        self,
        tx: Tx,
        state: str,
        person: Claimed,
        invitation: str | None,
        nobody_knows: str,
        claim: str,
    ) -> None:
        user = store.user_of(tx, person.issuer, person.subject)
        if user is None:
            user = self._welcome(tx, person, invitation, nobody_knows)
        store.prove(tx, state, user, claim, CLAIM_MS)

    def _welcome(
        self, tx: Tx, person: Claimed, invitation: str | None, nobody_knows: str
    ) -> UserId:
        """Somebody of whom nothing is known but what the provider says."""
        if not person.is_verified or not person.email:
            raise NotLinked(
                "Google does not vouch for your e-mail address.",
                remedy="Confirm it at Google, or sign up here with a password.",
            )
        there = accounts.user_named(tx, person.email)
        if there is not None and there.is_verified:
            raise NotLinked(
                "There is a user with this address, which Google is not linked to.",
                remedy="Sign in as you are used to, then POST /api/v1/me/google.",
            )
        self._may_sign_up(tx, person.email, invitation)
        if there is not None:
            # Somebody, perhaps somebody else, signed up with it and never confirmed it. Of that
            # nothing stays: neither the password nor the letter that would confirm it.
            identity = there.id
            accounts.put_password(tx, identity, nobody_knows)
            proofs.void_proofs(tx, "confirm", identity)
            accounts.verify_user(tx, identity)
        else:
            identity = UserId(random_id("us", self.rng))
            made = User(identity, person.email, "trader", must_change_password=False)
            accounts.add_user(tx, made, nobody_knows)
        _add(tx, person, identity)
        return identity

    def _may_sign_up(self, tx: Tx, email: str, invitation: str | None) -> None:
        allowed = self.settings.sign_up
        if allowed == "open":
            return
        is_invited = allowed == "invitation" and invitation is not None
        if is_invited and proofs.use_proof(tx, invitation or "", "invite") == email:
            return
        raise SignUpClosed(
            "Nobody new can sign in with Google here without an invitation to this address.",
            remedy="Ask an admin.",
        )

    def _offered(self) -> OpenId:
        if self.provider is None:
            raise NotOffered(
                "Signing in with Google is not set up here.",
                remedy="Sign in with your password; an admin sets SLIPWAY_ACCOUNTS__GOOGLE_….",
            )
        return self.provider

    def _slow_down(self, network: str) -> None:
        now, who = self.clock.monotonic(), f"google {network}"
        guesses = self.sessions.users.guesses.network
        wait = guesses.wait_seconds(who, now)
        if wait > 0:
            raise Throttled("Too many sign-ins were begun.", wait)
        guesses.failed(who, now)


def _known_by(tx: Tx, person: Claimed) -> User | None:
    user = store.user_of(tx, person.issuer, person.subject)
    return None if user is None else accounts.user(tx, user)


def _claimable(tx: Tx, claim: str) -> tuple[Row[Any] | None, User | None]:
    row = store.provable(tx, claim)
    if row is None or row.proved is None:
        return None, None
    return row, accounts.user(tx, UserId(row.proved))


def _link(tx: Tx, person: Claimed, user: UserId) -> None:
    known = store.user_of(tx, person.issuer, person.subject)
    if known == user:
        return
    if known is not None or store.has_identity(tx, user):
        raise IdentityTaken(
            "This Google account is another user's here, or you have another one linked.",
            remedy="DELETE /api/v1/me/google first, as that user.",
        )
    _add(tx, person, user)


def _add(tx: Tx, person: Claimed, user: UserId) -> None:
    store.add_identity(tx, person.issuer, person.subject, user, person.email)
    audit.record(tx, "identity_linked", "user", user, tenant=user, issuer=person.issuer)


def _unlink(tx: Tx, user: UserId) -> bool:
    if not store.drop_identities(tx, user):
        return False
    audit.record(tx, "identity_unlinked", "user", user, tenant=user)
    return True


def _refused(why: str) -> NotProved:
    """One text for all: it says nothing to whoever tries, and the log has the reason."""
    logger.warning("federated_sign_in_refused", why=why)
    return NotProved(
        "This is no sign-in that began in this browser a moment ago and that Google answered.",
        remedy="Begin again.",
    )
