"""Twenty tokens that are none, and the one that is."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from hmac import digest
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from control_plane.infra.rootkey import RootKey
from control_plane.sessions.models.jwt import BadToken, Issuer
from control_plane.sessions.service import issuer

NOW = 1_800_000_000
OURS = issuer(RootKey(b"a" * 32), "https://slipway.example")
HEAD = {"alg": "EdDSA", "kid": OURS.kid, "typ": "at+jwt"}
CLAIMS = {
    "iss": "https://slipway.example",
    "aud": "slipway-api",
    "sub": "usann",
    "sid": "se1",
    "jti": "at1",
    "iat": NOW,
    "nbf": NOW,
    "exp": NOW + 600,
    "amr": ["pwd"],
    "auth_time": NOW,
    "ver": 1,
}


def text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


def token(
    head: Mapping[str, Any] = HEAD,
    claims: Mapping[str, Any] = CLAIMS,
    key: Ed25519PrivateKey = OURS.key,
) -> str:
    signed = f"{text(json.dumps(head).encode())}.{text(json.dumps(claims).encode())}"
    return f"{signed}.{text(key.sign(signed.encode()))}"


def changed(**claims: Any) -> str:
    return token(claims={**CLAIMS, **claims})


def headed(**head: Any) -> str:
    return token(head={**HEAD, **head})


def confused() -> str:
    """Our public key as the secret of a symmetric signature."""
    public = OURS.key.public_key().public_bytes_raw()
    head = {**HEAD, "alg": "HS256"}
    signed = f"{text(json.dumps(head).encode())}.{text(json.dumps(CLAIMS).encode())}"
    return f"{signed}.{text(digest(public, signed.encode(), sha256))}"


BAD = {
    "T5-none": headed(alg="none").rsplit(".", 1)[0] + ".",
    "T5-none-signed": headed(alg="none"),
    "T5-lower-case": headed(alg="eddsa"),
    "T5-symmetric": confused(),
    "T5-rs256": headed(alg="RS256"),
    "T5-unknown-kid": headed(kid="0" * 16),
    "T5-kid-path": headed(kid="../../etc/passwd"),
    "T5-jku": headed(jku="https://evil.example/keys"),
    "T5-jwk": headed(jwk={"kty": "OKP"}),
    "T5-crit": headed(crit=["exp"]),
    "T5-typ": headed(typ="JWT"),
    "T5-aud": changed(aud="another"),
    "T5-iss": changed(iss="https://evil.example"),
    "T5-expired": changed(iat=NOW - 601, exp=NOW),
    "T5-future-nbf": changed(nbf=NOW + 31),
    "T5-future-iat": changed(iat=NOW + 31),
    "T5-long-life": changed(exp=NOW + 601),
    "T5-version": changed(ver=2),
    "T5-extra-claim": changed(role="admin"),
    "T5-missing-claim": token(claims={k: v for k, v in CLAIMS.items() if k != "sid"}),
    "T5-other-key": token(key=Ed25519PrivateKey.generate()),
    "T5-other-service": issuer(RootKey(b"b" * 32), OURS.name).sign(
        OURS.claims("usann", "se1", "at1", NOW, ("pwd",), NOW)
    ),
    "T5-two-parts": token().rsplit(".", 1)[0],
    "T5-four-parts": token() + ".x",
    "T5-padding": token() + "==",
    "T5-blank": "",
    "T5-huge": "a" * 5_000,
}


def test_our_own_token_is_believed() -> None:
    made = OURS.claims("usann", "se1", "at1", NOW, ("pwd", "otp"), NOW)

    assert OURS.read(OURS.sign(made), NOW + 599) == made
    assert OURS.read(token(), NOW).sub == "usann"


@pytest.mark.parametrize("given", BAD.values(), ids=BAD.keys())
@pytest.mark.attack("T5")
def test_any_other_is_not(given: str) -> None:
    with pytest.raises(BadToken):
        OURS.read(given, NOW)


@pytest.mark.attack("T5")
def test_no_bit_of_a_token_can_be_another() -> None:
    good = token()
    for place in range(len(good)):
        for letter in "AZaz09-_.":
            if letter != good[place]:
                with pytest.raises(BadToken):
                    OURS.read(good[:place] + letter + good[place + 1 :], NOW)


def test_tokens_of_the_key_before_are_believed_until_it_leaves_the_list() -> None:
    newer = issuer(RootKey(b"n" * 32), OURS.name, [RootKey(b"a" * 32)])
    alone: Issuer = issuer(RootKey(b"n" * 32), OURS.name)

    assert newer.read(token(), NOW).sid == "se1"
    with pytest.raises(BadToken):
        alone.read(token(), NOW)
