"""Asks an OpenID provider: what it is, what keys it has, and whom a code is about."""

from base64 import b64encode
from dataclasses import dataclass, field
from urllib.parse import quote_plus

import msgspec
from authlib.oauth2.rfc6749.parameters import prepare_token_request
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from control_plane.core.clock import Clock, ms
from control_plane.errors import Unavailable
from control_plane.infra.net import Net, Request
from control_plane.sessions.models import openid
from control_plane.sessions.models.openid import BadAnswer, Begun, Claimed, Provider

KEPT_SECONDS = 3600.0  # what the provider says of itself
LOOK_AGAIN_SECONDS = 60.0  # at the earliest, when a token names a key that is not known
TIMEOUT_SECONDS = 5.0
MOST_BYTES = 262_144
FORM = "application/x-www-form-urlencoded"


class ProviderSilent(Unavailable):
    """The provider did not answer, or not as it should."""


class Granted(msgspec.Struct, frozen=True):
    """What a code was exchanged for; nothing but the statement who it is is kept."""

    id_token: str
    access_token: str | None = None


@dataclass
class OpenId:
    """One provider, by its discovery document."""

    net: Net
    clock: Clock
    url: str
    client_id: str
    client_secret: str = field(repr=False)
    redirect_uri: str
    _known: tuple[float, Provider] | None = None
    _keys: tuple[float, KeySet] | None = None

    async def question(self, begun: Begun) -> str:
        return openid.question(await self._provider(), self.client_id, self.redirect_uri, begun)

    async def answer(self, code: str, sender: str | None, begun: Begun) -> Claimed:
        """Whom the code is about; BadAnswer if there is anything to doubt about it."""
        of = await self._provider()
        openid.check_sender(of, sender)
        granted = await self._exchange(of, code, begun)
        return openid.claimed(
            granted.id_token,
            await self._keys_for(of, granted.id_token),
            of,
            client_id=self.client_id,
            nonce=begun.nonce,
            access_token=granted.access_token,
            now=ms(self.clock.now()) // 1000,
        )

    async def _exchange(self, of: Provider, code: str, begun: Begun) -> Granted:
        body = prepare_token_request(
            "authorization_code",
            redirect_uri=self.redirect_uri,
            code=code,
            code_verifier=begun.verifier,
        )
        who = f"{quote_plus(self.client_id)}:{quote_plus(self.client_secret)}"
        headers = {
            "Authorization": f"Basic {b64encode(who.encode()).decode()}",
            "Content-Type": FORM,
        }
        status, found = await self._ask("POST", of.token_endpoint, headers, str(body).encode())
        if status != 200:  # OK
            raise BadAnswer(f"the code is refused with status {status}")
        try:
            return msgspec.json.decode(found, type=Granted)
        except msgspec.MsgspecError as error:
            raise BadAnswer("no ID token") from error

    async def _provider(self) -> Provider:
        now = self.clock.monotonic()
        if self._known is None or now - self._known[0] > KEPT_SECONDS:
            found = await self._looked_up(self.url)
            try:
                self._known = (now, openid.provider(found, self.url))
            except BadAnswer as error:
                raise _silent(self.url) from error
        return self._known[1]

    async def _keys_for(self, of: Provider, token: str) -> KeySet:
        """Read anew when one is named that is not known: providers change theirs every few days."""
        now = self.clock.monotonic()
        if self._keys is not None:
            age = now - self._keys[0]
            is_known = openid.names_one_of(token, self._keys[1])
            if age < LOOK_AGAIN_SECONDS or (is_known and age < KEPT_SECONDS):
                return self._keys[1]
        try:
            found = KeySet.import_key_set(msgspec.json.decode(await self._looked_up(of.jwks_uri)))
        except (msgspec.MsgspecError, JoseError, ValueError, KeyError, TypeError) as error:
            raise _silent(of.jwks_uri) from error
        self._keys = (now, found)
        return found

    async def _looked_up(self, url: str) -> bytes:
        status, found = await self._ask("GET", url, {"Accept": "application/json"}, b"")
        if status != 200:  # OK
            raise _silent(url)
        return found

    async def _ask(
        self, method: str, url: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, bytes]:
        reply = await self.net.send(
            Request(method, url, headers, body, TIMEOUT_SECONDS, MOST_BYTES)
        )
        return reply.status, reply.body


def _silent(url: str) -> ProviderSilent:
    return ProviderSilent(
        f"{url} does not say what an OpenID provider says there.",
        remedy="Sign in with your password, or try again later.",
    )
