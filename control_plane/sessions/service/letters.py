"""What goes by letter: confirming an address, choosing a new password, inviting somebody.

None of it says whether a user exists: the answer is the same, and takes as long, either way.
"""

from dataclasses import dataclass

from control_plane.accounts import service as accounts
from control_plane.accounts.models import User, check_password
from control_plane.accounts.service import Users
from control_plane.core.clock import Clock
from control_plane.core.ids import Rng, UserId, random_id
from control_plane.infra import audit
from control_plane.infra.db import Database, Tx
from control_plane.infra.http_refusals import Throttled
from control_plane.infra.mail import Letter, Mail
from control_plane.sessions.errors import BadEmail, SignUpClosed, WrongProof
from control_plane.sessions.models.tokens import digest, is_email, secret
from control_plane.sessions.service.factors import Factors
from control_plane.sessions.store import proofs, sessions
from control_plane.settings import AccountSettings

HOUR_MS = 3_600_000
NOBODY = "-"
CONFIRM_MS, RESET_MS, INVITE_MS = 24 * HOUR_MS, HOUR_MS // 4, 7 * 24 * HOUR_MS


@dataclass(frozen=True)
class Letters:
    db: Database
    clock: Clock
    rng: Rng
    users: Users
    factors: Factors
    mail: Mail
    settings: AccountSettings
    address: str  # where people find us

    async def sign_up(
        self, email: str, password: str, invitation: str | None, network: str
    ) -> None:
        """The letter that confirms the address; to somebody who is here already, another one."""
        email = checked(email)
        check_password(password, email, "password")
        self._slow_down(network)
        if self.settings.sign_up == "closed":
            raise SignUpClosed("Nobody can sign up here.", remedy="Ask an admin.")
        if self.settings.sign_up == "invitation" and invitation is None:
            raise SignUpClosed(
                "One signs up here by invitation.", remedy="Ask an admin, then send `invitation`."
            )
        hashed = await self.users.passwords.hash(password)
        letter = await self.db.write(self._sign_up, email, hashed, invitation)
        self.mail.send(letter)

    async def confirm(self, proof: str, password: str, address: str) -> None:
        """The mailbox and the password must be one person's: whoever signs up with somebody else's
        address chooses a password that the owner of the mailbox does not know.
        """
        user = await self.db.read(_whose, digest(proof), "confirm")
        await self.users.sign_in(user.email, password, address)
        await self.db.write(_confirm, digest(proof))

    async def ask_reset(self, email: str, network: str) -> None:
        self._slow_down(network)
        if not is_email(email):
            return
        letter = await self.db.write(self._ask_reset, email.strip().lower())
        if letter is not None:
            self.mail.send(letter)

    async def reset(self, proof: str, new: str, code: str | None) -> None:
        """The letter proves the mailbox alone: a second factor is still asked for."""
        user = await self.db.read(_whose, digest(proof), "reset")
        check_password(new, user.email)
        await self.factors.prove(user, code)
        hashed = await self.users.passwords.hash(new)
        await self.db.write(_reset, digest(proof), hashed)

    async def invite(self, email: str, by: UserId) -> str:
        """The invitation; it is also sent."""
        email = checked(email)
        proof = secret(self.rng)
        await self.db.write(_invite, email, digest(proof), by)
        self.mail.send(
            Letter(
                email,
                "You are invited to Slipway",
                f"Sign up at {self.address} with this invitation:\n\n{proof}\n\n"
                "It is good for seven days, once, and for this address alone.\n",
            )
        )
        return proof

    def _sign_up(self, tx: Tx, email: str, hashed: str, invitation: str | None) -> Letter:
        is_invited = invitation is not None
        if is_invited and proofs.use_proof(tx, digest(invitation or ""), "invite") != email:
            raise _wrong("invitation")
        there = accounts.user_named(tx, email)
        if there is not None and there.is_verified:
            return Letter(
                email,
                "You have a Slipway user already",
                "Somebody, perhaps you, wanted to sign up with this address. Sign in instead,\n"
                f"or choose a new password at {self.address}.\n",
            )
        if there is not None:
            # Not confirmed, so nobody's yet: whoever confirms has chosen the password last.
            accounts.put_password(tx, there.id, hashed)
            user = there
        else:
            identity = UserId(random_id("us", self.rng))
            user = User(identity, email, "trader", must_change_password=False, is_verified=False)
            accounts.add_user(tx, user, hashed)
        proof = self._proof(tx, "confirm", user.id, CONFIRM_MS)
        return Letter(
            email,
            "Confirm your address",
            f"Confirm it with this, within a day:\n\n{proof}\n\n"
            f"POST {self.address}/api/v1/sign-up/confirm with your password.\n"
            "If you did not sign up, leave this letter alone.\n",
        )

    def _ask_reset(self, tx: Tx, email: str) -> Letter | None:
        user = accounts.user_named(tx, email)
        if user is not None and not user.is_verified:
            user = None
        # A proof is made either way, so that the answer takes as long; one of nobody's opens none.
        proof = self._proof(tx, "reset", NOBODY if user is None else user.id, RESET_MS)
        if user is None:
            return None
        return Letter(
            email,
            "Choose a new password",
            f"With this, within a quarter of an hour:\n\n{proof}\n\n"
            f"POST {self.address}/api/v1/password-reset/confirm.\n"
            "If you did not ask for it, leave this letter alone.\n",
        )

    def _proof(self, tx: Tx, purpose: str, subject: str, life_ms: int) -> str:
        proof = secret(self.rng)
        proofs.void_proofs(tx, purpose, subject)
        proofs.insert_proof(tx, digest(proof), purpose, subject, tx.now_ms() + life_ms)
        return proof

    def _slow_down(self, network: str) -> None:
        """Letters cost us, and whoever gets them, so one network may ask for few of them."""
        now = self.clock.monotonic()
        who = f"letters {network}"
        wait = self.users.guesses.network.wait_seconds(who, now)
        if wait > 0:
            raise Throttled("Too many letters.", wait)
        self.users.guesses.network.failed(who, now)


def checked(email: str) -> str:
    email = email.strip().lower()
    if not is_email(email):
        raise BadEmail(
            f"{email[:80]!r} is no e-mail address.", field="email", remedy="Like ann@example.com."
        )
    return email


def _confirm(tx: Tx, hashed: str) -> None:
    subject = proofs.use_proof(tx, hashed, "confirm")
    if subject is None:
        raise _wrong("proof")
    accounts.verify_user(tx, UserId(subject))


def _whose(tx: Tx, hashed: str, purpose: str) -> User:
    subject = proofs.proof(tx, hashed, purpose)
    user = None if subject is None else accounts.user(tx, UserId(subject))
    if user is None:
        raise _wrong("proof")
    return user


def _reset(tx: Tx, hashed: str, password_hash: str) -> None:
    subject = proofs.use_proof(tx, hashed, "reset")
    if subject is None:
        raise _wrong("proof")
    user = UserId(subject)
    accounts.put_password(tx, user, password_hash)
    sessions.revoke_all(tx, user, "password reset")
    proofs.void_proofs(tx, "reset", user)


def _invite(tx: Tx, email: str, hashed: str, by: UserId) -> None:
    proofs.void_proofs(tx, "invite", email)
    proofs.insert_proof(tx, hashed, "invite", email, tx.now_ms() + INVITE_MS)
    audit.record(tx, "user_invited", "invitation", email, tenant=by)


def _wrong(field: str) -> WrongProof:
    return WrongProof(
        "This is no proof of ours, or it was used, or it is too old.",
        field=field,
        remedy="Ask for another letter.",
    )
