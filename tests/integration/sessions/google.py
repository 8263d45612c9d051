"""A browser that signs in with Google, and the provider that stands for it."""

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx

from tests.canary import MARK
from tests.fakes.site import World
from tests.unit.api.people import ADDRESS, Person

CLIENT, SECRET = "slipway.apps.example", f"{MARK} of ours"
CALLBACK = f"{ADDRESS}/sign-in/google/callback"
COOKIE = "__Host-slipway-google"


@contextmanager
def provider_process() -> Iterator[str]:
    """Its address, once it listens."""
    command = [sys.executable, "-m", "tests.fakes.openid", CLIENT, SECRET, CALLBACK]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.kill()


def settings_for(provider: str, **more: Any) -> dict[str, Any]:
    return {
        "sign_up": "open",
        "public_url": ADDRESS.removesuffix("/api/v1"),
        "google_client_id": CLIENT,
        "google_client_secret": SECRET,
        "google_discovery_url": f"{provider}/.well-known/openid-configuration",
        **more,
    }


@dataclass
class Browser:
    """Cookies are kept by hand: ours are for https alone."""

    client: httpx.AsyncClient
    provider: str
    cookies: dict[str, str] = field(default_factory=dict)

    async def begin(self, **query: Any) -> str:
        """Where it is sent."""
        answer = await self.get("/sign-in/google", query)
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    async def ask(self, address: str, **told: Any) -> dict[str, str]:
        """What the provider sends it back with."""
        async with httpx.AsyncClient() as outside:
            await outside.post(f"{self.provider}/next", json=told)
            answer = await outside.get(address)
        back = answer.headers["location"]
        assert back.startswith(CALLBACK)
        return dict(parse_qsl(urlsplit(back).query))

    async def come_back(self, query: Mapping[str, str]) -> httpx.Response:
        return await self.get("/sign-in/google/callback", query)

    async def sign_in(self, **told: Any) -> httpx.Response:
        return await self.come_back(await self.ask(await self.begin(), **told))

    async def get(self, path: str, query: Mapping[str, Any]) -> httpx.Response:
        return self.keep(await self.client.get(path, params=query, headers=self.headers))

    async def post(self, path: str, body: Mapping[str, Any]) -> httpx.Response:
        return self.keep(await self.client.post(path, json=body, headers=self.headers))

    def keep(self, answer: httpx.Response) -> httpx.Response:
        for line in answer.headers.get_list("set-cookie"):
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value.strip('"')
        return answer

    @property
    def headers(self) -> dict[str, str]:
        return {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}

    async def person(self) -> Person:
        """Who it is signed in as."""
        csrf = self.cookies["__Host-slipway-csrf"]
        answer = await self.client.post(
            "/sessions/refresh", headers={**self.headers, "X-CSRF-Token": csrf}
        )
        somebody = Person(self.client, "", "")
        somebody.take(answer)
        me = (await somebody.ask("GET", "/me")).json()
        somebody.id, somebody.email = me["id"], me["name"]
        return somebody


def browser(world: World, provider: str) -> Browser:
    client = httpx.AsyncClient(transport=httpx.ASGITransport(world.app), base_url=ADDRESS)
    return Browser(client, provider)


def proofs(text: str) -> list[str]:
    return re.findall(r"^([A-Za-z0-9_-]{43})$", text, re.MULTILINE)
