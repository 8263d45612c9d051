"""People at the API: those of a World, with sessions of their own."""

import re
from dataclasses import dataclass

import httpx

from control_plane.accounts import service as accounts
from control_plane.accounts.models import User
from control_plane.core.ids import UserId
from control_plane.infra import wall
from tests.canary import MARK
from tests.fakes.site import World

ADDRESS = "http://127.0.0.1:8000/api/v1"
PASSWORD = f"{MARK} harbour before dawn"
REFRESH, CSRF = "__Host-slipway-refresh", "__Host-slipway-csrf"


@dataclass
class Person:
    """A browser and what it was given. Cookies are sent by hand: ours are for https alone."""

    client: httpx.AsyncClient
    id: str
    email: str
    access: str = ""
    refresh: str = ""
    csrf: str = ""
    session: str = ""

    async def ask(self, method: str, path: str, **options: object) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.access}"}
        return await self.client.request(method, path, headers=headers, **options)  # type: ignore[arg-type]

    async def sign_in(self, **more: str) -> httpx.Response:
        body = {"email": self.email, "password": PASSWORD, **more}
        return self.take(await self.client.post("/sessions", json=body))

    async def renew(self, refresh: str = "", csrf: str = "", agent: str = "") -> httpx.Response:
        headers = {
            "Cookie": f"{REFRESH}={refresh or self.refresh}",
            "X-CSRF-Token": csrf or self.csrf,
            **({"User-Agent": agent} if agent else {}),
        }
        return await self.client.post("/sessions/refresh", headers=headers)

    def take(self, answer: httpx.Response) -> httpx.Response:
        if answer.status_code == 200:
            given = answer.json()
            self.access, self.csrf = given["access_token"], given["csrf_token"]
            self.session, self.refresh = given["session_id"], refresh_of(answer)
        return answer


async def person(world: World, name: str, role: str = "trader") -> Person:
    """Somebody with a confirmed address, not signed in yet."""
    users = world.services.users
    made = User(UserId(f"us{name}"), f"{name}@example.com", role, must_change_password=False)
    hashed = await users.passwords.hash(PASSWORD)
    with wall.acting_for(wall.EVERYBODY):
        await users.db.write(accounts.add_user, made, hashed)
    client = httpx.AsyncClient(transport=httpx.ASGITransport(world.app), base_url=ADDRESS)
    return Person(client, made.id, made.email)


async def signed_in(world: World, name: str, role: str = "trader") -> Person:
    somebody = await person(world, name, role)
    assert (await somebody.sign_in()).status_code == 200
    return somebody


def refresh_of(answer: httpx.Response) -> str:
    found = re.search(f"{REFRESH}=([^;]+)", "; ".join(answer.headers.get_list("set-cookie")))
    assert found is not None
    return found[1]


def proof_in(world: World) -> str:
    """What the newest letter holds."""
    found = re.search(r"^([A-Za-z0-9_-]{43})$", world.post.letters[-1].text, re.MULTILINE)
    assert found is not None
    return found[1]
