"""Everything about who is who, made from one root key."""

from collections.abc import Sequence
from dataclasses import dataclass

from control_plane.accounts.models import Guesses, Throttle
from control_plane.accounts.service import Users
from control_plane.core.clock import Clock
from control_plane.infra.mail import Mail
from control_plane.infra.net import Net
from control_plane.infra.rootkey import RootKey, fingerprint
from control_plane.sessions.models.jwt import Issuer
from control_plane.sessions.service.factors import Factors
from control_plane.sessions.service.federation import Federation
from control_plane.sessions.service.letters import Letters
from control_plane.sessions.service.people import People
from control_plane.sessions.service.provider import OpenId
from control_plane.sessions.service.signing_in import Sessions
from control_plane.sessions.service.tickets import Standing, Tickets
from control_plane.sessions.service.tokens import ApiTokens
from control_plane.settings import AccountSettings, Settings

ISSUER = "slipway"  # of access tokens, where nobody has named the installation
CALLBACK = "/api/v1/sign-in/google/callback"


@dataclass(frozen=True)
class Identity:
    sessions: Sessions
    factors: Factors
    tokens: ApiTokens
    letters: Letters
    people: People
    tickets: Tickets
    standing: Standing
    federation: Federation


def identity(users: Users, root: RootKey, mail: Mail, settings: Settings, net: Net) -> Identity:
    db, clock, rng, address = users.db, users.clock, users.rng, settings.public_address()
    factors = Factors(db, clock, rng, root.box("second-factor", rng))
    sessions = Sessions(
        db,
        clock,
        rng,
        users,
        factors,
        issuer(root, settings.accounts.public_url or ISSUER),
        root.box("refresh", rng),
        root.derive("csrf"),
        mail,
        settings.accounts,
    )
    return Identity(
        sessions,
        factors,
        ApiTokens(db, clock, rng),
        Letters(db, clock, rng, users, factors, mail, settings.accounts, address),
        People(db),
        Tickets(db, clock, rng),
        Standing(db, int(settings.accounts.idle_minutes * 60_000)),
        Federation(
            db,
            clock,
            rng,
            sessions,
            factors,
            root.box("federated", rng),
            settings.accounts,
            _provider(settings.accounts, address, net, clock),
        ),
    )


def _provider(settings: AccountSettings, address: str, net: Net, clock: Clock) -> OpenId | None:
    if settings.google_client_id is None or settings.google_client_secret is None:
        return None
    return OpenId(
        net,
        clock,
        settings.google_discovery_url,
        settings.google_client_id,
        settings.google_client_secret.get_secret_value(),
        address + CALLBACK,
    )


def issuer(root: RootKey, name: str, older: Sequence[RootKey] = ()) -> Issuer:
    """Signs with the newest key and still believes the older ones."""
    signers = [one.signer("access-token") for one in (root, *older)]
    known = {
        fingerprint(signer.public_key().public_bytes_raw()): signer.public_key()
        for signer in signers
    }
    return Issuer(name, next(iter(known)), signers[0], known)


def guesses_of(settings: AccountSettings) -> Guesses:
    return Guesses(Throttle(settings.free_failures, settings.longest_wait_seconds))
