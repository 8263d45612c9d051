"""What an OpenID provider says, and what of it is believed (OpenID Connect Core 3.1, RFC 9700).

Authlib knows the protocol's claims and joserfc its signatures; the rules that are ours stand here:
one algorithm, a key that is named, and nobody's e-mail unless the provider vouches for it.
"""

from contextlib import suppress
from dataclasses import dataclass, field
from hmac import compare_digest
from typing import Any
from urllib.parse import urlsplit

import msgspec
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jws import extract_compact

ALGORITHM = "RS256"
SCOPE = "openid email"
SKEW_SECONDS = 30
LONGEST = 16_384
WELL_KNOWN = "/.well-known/openid-configuration"
LOOPBACK = {"127.0.0.1", "::1", "localhost"}


class BadAnswer(Exception):
    """Why a provider's answer is not believed: for tests and the log, never for who brought it."""


class Provider(msgspec.Struct, frozen=True):
    """What of a discovery document matters here."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    authorization_response_iss_parameter_supported: bool = False


@dataclass(frozen=True)
class Begun:
    """What one sign-in sends to the provider and expects back."""

    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    session: str = ""  # whose holder proves once more who they are


@dataclass(frozen=True)
class Claimed:
    """Who the provider says it is. Issuer and subject are the person; an e-mail is an address."""

    issuer: str
    subject: str
    email: str
    is_verified: bool
    proved_at: int = 0  # seconds; 0 if the provider does not say when


def provider(document: bytes, url: str) -> Provider:
    """A document counts for the issuer at whose address it was found, and for no other."""
    try:
        found = msgspec.json.decode(document, type=Provider)
    except msgspec.MsgspecError as error:
        raise BadAnswer("no discovery document") from error
    if found.issuer.rstrip("/") + WELL_KNOWN != url:
        raise BadAnswer("a discovery document of another issuer")
    for endpoint in (found.authorization_endpoint, found.token_endpoint, found.jwks_uri):
        if not is_private(endpoint):
            raise BadAnswer("an endpoint without TLS")
    return found


def is_private(url: str) -> bool:
    """Nobody on the way can read or change what is sent there."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)


def question(of: Provider, client_id: str, redirect_uri: str, begun: Begun) -> str:
    """Where the browser goes to be asked."""
    return str(
        prepare_grant_uri(
            of.authorization_endpoint,
            client_id,
            "code",
            redirect_uri=redirect_uri,
            scope=SCOPE,
            state=begun.state,
            nonce=begun.nonce,
            code_challenge=challenge(begun.verifier),
            code_challenge_method="S256",
            **({"max_age": "0"} if begun.session else {}),  # ask, whoever is signed in there
        )
    )


def challenge(verifier: str) -> str:
    return str(create_s256_code_challenge(verifier))


def check_sender(of: Provider, named: str | None) -> None:
    """The answer must come from whom was asked (RFC 9207): else it was mixed up with another's."""
    if named is None and of.authorization_response_iss_parameter_supported:
        raise BadAnswer("the answer does not say who sent it")
    if named is not None and not compare_digest(named.encode(), of.issuer.encode()):
        raise BadAnswer("the answer of another issuer")


def names_one_of(token: str, keys: KeySet) -> bool:
    """Whether the key that a token names is among these; nothing else of it is looked at yet."""
    with suppress(JoseError, ValueError):
        named = extract_compact(token.encode()).protected.get("kid")
        return any(key.kid == named for key in keys)
    return False


def claimed(
    token: str,
    keys: KeySet,
    of: Provider,
    *,
    client_id: str,
    nonce: str,
    access_token: str | None,
    now: int,
) -> Claimed:
    """Whom an ID token is about, if it is the provider's, for us, about this sign-in, and now."""
    if len(token) > LONGEST:
        raise BadAnswer("too long")
    try:
        read = jwt.decode(token, keys, algorithms=[ALGORITHM])
        if "kid" not in read.header or read.header.get("typ", "JWT") != "JWT":
            raise BadAnswer("header")
        claims = CodeIDToken(
            read.claims,
            read.header,
            {
                "iss": {"essential": True, "value": of.issuer},
                "sub": {"essential": True},
                "aud": {"essential": True, "value": client_id},
            },
            {"nonce": nonce, "client_id": client_id, "access_token": access_token},
        )
        claims.validate(now=now, leeway=SKEW_SECONDS)
    except (JoseError, ValueError, TypeError) as error:
        raise BadAnswer(str(error) or type(error).__name__) from error
    return _person(of, dict(claims), now)


def _person(of: Provider, claims: dict[str, Any], now: int) -> Claimed:
    subject, email = claims["sub"], claims.get("email", "")
    if not isinstance(subject, str) or not 0 < len(subject) <= 255:
        raise BadAnswer("sub")
    if not isinstance(claims["iat"], int) or claims["iat"] > now + SKEW_SECONDS:
        raise BadAnswer("iat")
    if not isinstance(email, str):
        raise BadAnswer("email")
    proved_at = claims.get("auth_time", 0)
    if type(proved_at) is not int or proved_at > now + SKEW_SECONDS:
        raise BadAnswer("auth_time")
    # "true" is not true: a provider that does not say it plainly has not said it.
    is_verified = claims.get("email_verified") is True
    return Claimed(of.issuer, subject, email.strip().lower(), is_verified, proved_at)
