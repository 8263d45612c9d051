"""Catalogue Q6, figure Z26: after everything that one does with secrets, none of them lies where it
does not belong: not in logs, tables, Redis, containers, images, files or error replies.
"""

import asyncio
import os
import re
import subprocess
import time
from base64 import b32decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from control_plane.infra.clock import RealClock
from control_plane.infra.embedded import EmbeddedServer
from control_plane.infra.rng import SystemRng
from control_plane.sessions.models.totp import code, step_at
from tests.canary import in_redis, leaks
from tests.conftest import wait_until
from tests.fakes.harbour import Harbour
from tests.fakes.site import CODE

pytestmark = [pytest.mark.e2e, pytest.mark.redis, pytest.mark.timeout(300)]

EMAIL = "ann@example.com"
PLANTED = {
    "password": "canary quiet harbour 4c1f",
    "new password": "canary other harbour 88d2",
    "wrong password": "canary wrong harbour 03b7",
    "broker key": "canary-broker-key-5e9a71c0",
    "broker secret": "canary-broker-secret-d41b8e27f0a6",
    "mistyped secret": "canary-mistyped-secret-6f20",
}
# Where a secret lies because it has to: its own file, its letter, its container.
OWN: Mapping[str, tuple[str, ...]] = {
    "operator token": ("data/operator.token",),
    "root key": ("data/root.key",),
    "private key": ("data/keyring.json",),
    "redis password": ("data/redis.password",),
    "proof of sign-up": ("data/outbox/",),
    "proof of reset": ("data/outbox/",),
    "boot password 0": ("environment/", "data/containers/"),
}


@dataclass
class Guest:
    """Somebody who does everything that there is to do with a secret."""

    harbour: Harbour
    client: httpx.AsyncClient
    secrets: dict[str, bytes] = field(default_factory=dict)
    refusals: list[str] = field(default_factory=list)

    def keep(self, name: str, text: str) -> str:
        self.secrets[name] = text.encode()
        return text

    async def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        answer = await self.client.request(method, path, **options)
        if answer.status_code >= 400:
            self.refusals.append(answer.text + str(answer.headers))
        return answer

    async def letter(self, name: str) -> str:
        outbox = self.harbour.data_dir / "outbox"
        known = set(self.secrets.values())

        def newest() -> str | None:
            for path in outbox.glob("*.eml"):
                for proof in re.findall(r"^([A-Za-z0-9_-]{43})$", path.read_text(), re.M):
                    if proof.encode() not in known:
                        return str(proof)
            return None

        await wait_until(newest, 20, "a letter")
        return self.keep(name, newest() or "")

    async def sign_in(self, number: str, password: str, **more: str) -> dict[str, str]:
        body = {"email": EMAIL, "password": password, **more}
        answer = await self.ask("POST", "/sessions", json=body)
        assert answer.status_code == 200, answer.text
        cookies = "; ".join(answer.headers.get_list("set-cookie"))
        found = re.search("__Host-slipway-refresh=([^;]+)", cookies)
        assert found is not None
        self.keep(f"refresh cookie {number}", found[1])
        self.keep(f"csrf token {number}", answer.json()["csrf_token"])
        access = self.keep(f"access token {number}", answer.json()["access_token"])
        return {"Authorization": f"Bearer {access}"}

    async def live_through(self) -> None:
        for name, text in PLANTED.items():
            self.keep(name, text)
        await self.sign_up()
        me = await self.sign_in("1", PLANTED["password"])
        await self.make_keys(me)
        await self.go_wrong(me)
        await self.add_a_second_factor(me)
        await self.listen(me)
        await self.reset()

    async def sign_up(self) -> None:
        body = {"email": EMAIL, "password": PLANTED["password"]}
        assert (await self.ask("POST", "/sign-up", json=body)).status_code == 202
        proof = await self.letter("proof of sign-up")
        confirmed = {"proof": proof, "password": PLANTED["password"]}
        assert (await self.ask("POST", "/sign-up/confirm", json=confirmed)).status_code == 204

    async def make_keys(self, me: dict[str, str]) -> None:
        made = await self.ask(
            "POST", "/tokens", headers=me, json={"name": "report", "scopes": ["read"]}
        )
        self.keep("API token", made.json()["token"])
        account = await self.ask("POST", "/accounts/live", headers=me, json={"name": "main"})
        body = {"api_key": PLANTED["broker key"], "api_secret": PLANTED["broker secret"]}
        path = f"/accounts/{account.json()['id']}/key"
        kept = await self.ask("PUT", path, headers=me, json=body)
        assert kept.status_code == 200, kept.text

    async def go_wrong(self, me: dict[str, str]) -> None:
        """What people send by mistake comes back in no reply and stands in no log."""
        wrong, typed = PLANTED["wrong password"], PLANTED["mistyped secret"]
        await self.ask("POST", "/sessions", json={"email": EMAIL, "password": wrong})
        await self.ask("POST", "/sessions", json={"email": EMAIL, "password": [wrong]})
        await self.ask("POST", "/sessions", json={"email": wrong, "password": 5, "extra": typed})
        await self.ask("POST", "/sessions", content=f'{{"password": "{wrong}", ')
        await self.ask("GET", "/me", headers={"Authorization": f"Bearer {typed}"})
        await self.ask("GET", "/me", auth=(EMAIL, wrong))
        body = {"api_key": [typed], "api_secret": {"is": typed}}
        await self.ask("PUT", "/accounts/acnone/key", headers=me, json=body)

    async def add_a_second_factor(self, me: dict[str, str]) -> None:
        made = await self.ask("POST", "/me/second-factor", headers=me)
        spelled = self.keep("second factor", made.json()["secret"])
        seed = b32decode(spelled + "=" * (-len(spelled) % 8))
        self.secrets["second factor's bytes"] = seed
        now = code(seed, step_at(int(time.time())))
        path = "/me/second-factor/confirm"
        assert (await self.ask("POST", path, headers=me, json={"code": now})).status_code == 204
        self.seed = seed

    async def listen(self, me: dict[str, str]) -> None:
        made = await self.ask("POST", "/live/tickets", headers=me)
        ticket = self.keep("live ticket", made.json()["ticket"])
        address = f"ws://127.0.0.1:{self.harbour.port}/api/v1/live"
        offered = [Subprotocol("slipway.live.v1"), Subprotocol(f"ticket.{ticket}")]
        async with connect(address, subprotocols=offered, proxy=None) as socket:
            assert "hello" in str(await socket.recv())

    async def reset(self) -> None:
        await self.ask("POST", "/password-reset", json={"email": EMAIL})
        proof = await self.letter("proof of reset")
        later = code(self.seed, step_at(int(time.time())) + 1)
        body = {"proof": proof, "new_password": PLANTED["new password"], "code": later}
        answer = await self.ask("POST", "/password-reset/confirm", json=body)
        assert answer.status_code == 204, answer.text


async def test_q6_no_secret_lies_where_it_does_not_belong(harbour: Harbour) -> None:
    harbour.settings = {"SLIPWAY_ACCOUNTS__SIGN_UP": "open", "SLIPWAY_LOG_LEVEL": "DEBUG"}
    harbour.start()
    await harbour.ready()
    uploaded = await harbour.call("POST", "/strategies", {"name": "cross", "code": CODE})

    async def has_passed() -> bool:
        found = await harbour.call("GET", f"/versions/{uploaded['id']}")
        return bool(found["state"] == "passed")

    await wait_until(has_passed, 90, "the check of the strategy")
    await harbour.call("POST", "/deployments", {"strategy": "cross", "name": "night"})
    address = f"http://127.0.0.1:{harbour.port}/api/v1"
    async with httpx.AsyncClient(base_url=address, timeout=30) as client:
        guest = Guest(harbour, client)
        await guest.live_through()
    await wait_until(harbour.fleet, 90, "a container")
    await asyncio.sleep(1)

    secrets = guest.secrets | _of_the_installation(harbour)
    places = _places(harbour) | {"replies": "\n".join(guest.refusals).encode()}

    assert len(guest.refusals) >= 7
    assert [one for one in places if one.startswith("environment/")]
    assert leaks(secrets, places, OWN) == []
    layers = _layers(harbour)
    assert [name for name, secret in secrets.items() if secret in layers] == []
    # And it looks: what is leaked on purpose, into the log of the running process, is found.
    with harbour.log.open("ab") as log:
        log.write(b'{"event": "oops", "given": "' + secrets["broker secret"] + b'"}\n')
    assert {one.secret for one in leaks(secrets, _places(harbour), OWN)} == {"broker secret"}


def _of_the_installation(harbour: Harbour) -> dict[str, bytes]:
    data = harbour.data_dir
    found = {
        "operator token": (data / "operator.token").read_bytes().strip(),
        "redis password": (data / "redis.password").read_bytes().strip(),
        "root key": (data / "root.key").read_bytes().strip(),
    }
    private = re.search(rb'"key":\s*"([0-9a-f]{32,})"', (data / "keyring.json").read_bytes())
    assert private is not None
    found["private key"] = private[1]
    given = b"".join(_environments(harbour).values())
    passwords = re.findall(rb"://[^:@/\s\"]*:([^@\s\"]{8,})@", given)
    assert passwords
    return found | {f"boot password {n}": one for n, one in enumerate(passwords)}


def _places(harbour: Harbour) -> dict[str, bytes]:
    data = harbour.data_dir
    files = {
        f"data/{path.relative_to(data)}": path.read_bytes()
        for path in data.rglob("*")
        if path.is_file() and not path.is_symlink()
    }
    return {
        **files,
        **_environments(harbour),
        "log": harbour.log.read_bytes(),
        "redis": in_redis(EmbeddedServer(data, RealClock(), SystemRng()).url),
        "command line": "\n".join(harbour.processes()).encode(),
    }


def _environments(harbour: Harbour) -> dict[str, bytes]:
    """What a strategy's process is given; for a container also what its image was made with."""
    if harbour.launcher != "docker":
        return {
            f"environment/{pid}": Path(f"/proc/{pid}/environ").read_bytes()
            for pid in harbour.fleet()
            if os.path.exists(f"/proc/{pid}")
        }
    found = {}
    for container in harbour.fleet():
        found[f"environment/{container[:12]}"] = _docker("inspect", container)
        image = _docker("inspect", "--format", "{{.Image}}", container).decode().strip()
        found[f"image/{image[:19]}"] = _docker("image", "inspect", image) + _docker(
            "history", "--no-trunc", image
        )
        found[f"output/{container[:12]}"] = _docker("logs", container)
    return found


def _layers(harbour: Harbour) -> bytes:
    """The files of the image that strategies run in: hundreds of megabytes, so looked at once."""
    if harbour.launcher != "docker":
        return b""
    image = _docker("inspect", "--format", "{{.Image}}", harbour.fleet()[0]).decode().strip()
    return _docker("image", "save", image)


def _docker(*words: str) -> bytes:
    """What it says; of a container that has just been replaced, that it is gone."""
    said = subprocess.run(["docker", *words], capture_output=True, check=False, timeout=120)
    return said.stdout + said.stderr
