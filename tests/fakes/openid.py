"""An OpenID provider, to be started as a process: it does what the specifications ask, and on
request one thing wrong.

python -m tests.fakes.openid CLIENT_ID SECRET REDIRECT_URI     prints the port that it listens at

POST /next tells it who will sign in next, and how it misbehaves then: `claims` are put over the ID
token's, `without` taken out, `sign` is one of SIGNS, `sender` replaces the `iss` of the redirect,
`status` refuses the code. POST /rotate changes its key.
"""

import sys
import time
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from hmac import digest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from json import dumps, loads
from secrets import token_urlsafe
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote_plus, urlencode, urlsplit

from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.discovery import OpenIDProviderMetadata
from joserfc import jwt
from joserfc.jwk import RSAKey

SIGNS = ("ours", "none", "hs256", "another", "unnamed", "wrong_kid", "typ")
CODE_SECONDS = 60


def by_hand(
    header: Mapping[str, Any], claims: Mapping[str, Any], sign: Callable[[bytes], bytes]
) -> str:
    told = f"{unpadded(dumps(header).encode())}.{unpadded(dumps(claims).encode())}"
    return f"{told}.{unpadded(sign(told.encode()))}"


def unpadded(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


def new_key() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": token_urlsafe(8), "use": "sig", "alg": "RS256"})


@dataclass
class Grant:
    """What a code stands for."""

    redirect_uri: str
    nonce: str
    challenge: str
    told: Mapping[str, Any]
    until: float
    max_age: str = ""
    is_used: bool = False


@dataclass
class OpenIdProvider:
    client_id: str
    secret: str
    redirect_uri: str
    issuer: str = ""
    key: RSAKey = field(default_factory=new_key)
    next: Mapping[str, Any] = field(default_factory=dict)
    grants: dict[str, Grant] = field(default_factory=dict)

    def metadata(self) -> dict[str, Any]:
        found = OpenIDProviderMetadata(
            issuer=self.issuer,
            authorization_endpoint=f"{self.issuer}/authorize",
            token_endpoint=f"{self.issuer}/token",
            jwks_uri=f"{self.issuer}/keys",
            response_types_supported=["code"],
            subject_types_supported=["public"],
            id_token_signing_alg_values_supported=["RS256"],
            code_challenge_methods_supported=["S256"],
            authorization_response_iss_parameter_supported=True,
        )
        return dict(found)

    def authorize(self, asked: Mapping[str, str]) -> str:
        """Whoever is next agrees at once."""
        assert asked["client_id"] == self.client_id
        assert asked["redirect_uri"] == self.redirect_uri
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        assert "openid" in asked["scope"].split()
        told, self.next = self.next, {}
        if told.get("error"):
            answer = {"error": told["error"], "state": asked["state"], "iss": self.issuer}
            return f"{self.redirect_uri}?{urlencode(answer)}"
        code = token_urlsafe(24)
        self.grants[code] = Grant(
            asked["redirect_uri"],
            asked["nonce"],
            asked["code_challenge"],
            told,
            time.monotonic() + CODE_SECONDS,
            asked.get("max_age", ""),
        )
        answer = {"code": code, "state": asked["state"], "iss": told.get("sender", self.issuer)}
        return f"{self.redirect_uri}?{urlencode({k: v for k, v in answer.items() if v})}"

    def token(self, form: Mapping[str, str], who: str) -> tuple[int, dict[str, Any]]:
        if who != f"{self.client_id}:{self.secret}":
            return 401, {"error": "invalid_client"}
        grant = self.grants.get(form.get("code", ""))
        if grant is None or grant.is_used or time.monotonic() > grant.until:
            return 400, {"error": "invalid_grant"}
        grant.is_used = True
        given = create_s256_code_challenge(form.get("code_verifier", ""))
        if form.get("redirect_uri") != grant.redirect_uri or given != grant.challenge:
            return 400, {"error": "invalid_grant"}
        if grant.told.get("status"):
            return int(grant.told["status"]), {"error": "server_error"}
        access = token_urlsafe(24)
        answer = {"access_token": access, "token_type": "Bearer", "expires_in": 60}
        return 200, {**answer, "id_token": self.id_token(grant, access)}

    def id_token(self, grant: Grant, access: str) -> str:
        now, told = int(time.time()), grant.told
        half = sha256(access.encode()).digest()[:16]
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "aud": self.client_id,
            "sub": "somebody",
            "email": "somebody@example.com",
            "email_verified": True,
            "nonce": grant.nonce,
            "at_hash": unpadded(half),
            "iat": now,
            "exp": now + 300,
            # Who is asked to prove it anew does so now; else it was an hour ago.
            "auth_time": now if grant.max_age == "0" else now - 3_600,
            **told.get("claims", {}),
        }
        for moment, seconds in told.get("shift", {}).items():
            claims[moment] += seconds
        for name in told.get("without", []):
            claims.pop(name, None)
        return self.signed(claims, told.get("sign", "ours"))

    def signed(self, claims: dict[str, Any], how: str) -> str:
        header: dict[str, Any] = {"alg": "RS256", "kid": self.key.kid, "typ": "JWT"}
        match how:
            case "none":
                return by_hand({**header, "alg": "none"}, claims, lambda _signed: b"")
            case "hs256":  # the libraries refuse to do this
                secret = self.key.as_pem(private=False)
                return by_hand(
                    {**header, "alg": "HS256"}, claims, lambda told: digest(secret, told, "sha256")
                )
            case "another":
                return jwt.encode(header, claims, new_key())
            case "unnamed":
                header.pop("kid")
            case "wrong_kid":
                header["kid"] = "of-somebody-else"
            case "typ":
                header["typ"] = "at+jwt"
        return jwt.encode(header, claims, self.key)


def handler(provider: OpenIdProvider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path == "/.well-known/openid-configuration":
                self.say(200, provider.metadata())
            elif parts.path == "/keys":
                self.say(200, {"keys": [provider.key.as_dict(private=False)]})
            elif parts.path == "/authorize":
                self.send_response(302)
                where = provider.authorize({k: v[0] for k, v in parse_qs(parts.query).items()})
                self.send_header("Location", where)
                self.send_header("Content-Length", "0")
                self.end_headers()
            else:
                self.say(404, {})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            match self.path:
                case "/next":
                    provider.next = loads(body)
                    self.say(200, {})
                case "/rotate":
                    provider.key = new_key()
                    self.say(200, {})
                case "/token":
                    scheme, _, who = self.headers.get("Authorization", "").partition(" ")
                    assert scheme == "Basic"
                    name, _, secret = b64decode(who).decode().partition(":")
                    known = f"{unquote_plus(name)}:{unquote_plus(secret)}"
                    self.say(*provider.token(dict(parse_qsl(body)), known))
                case _:
                    self.say(404, {})

        def say(self, status: int, what: dict[str, Any]) -> None:
            body = dumps(what).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: Any) -> None:
            pass

    return Handler


def main() -> None:
    _, client_id, secret, redirect_uri = sys.argv
    provider = OpenIdProvider(client_id, secret, redirect_uri)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(provider))
    provider.issuer = f"http://127.0.0.1:{server.server_port}"
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
