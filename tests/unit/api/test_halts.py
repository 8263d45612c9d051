import httpx
import pytest
from sqlalchemy import update

from control_plane.accounts.store import users
from control_plane.infra.db import Tx
from tests.fakes.site import World


async def test_a_halt_stands_until_it_is_lifted(operator: httpx.AsyncClient) -> None:
    body = {"scope": "instrument:spot:B-BTC_USDT", "reason": "The feed looks wrong."}
    halted = await operator.post("/halts", json=body)
    (stands,) = (await operator.get("/halts")).json()["items"]
    lifted = await operator.post("/halts/lift", json={"scope": body["scope"]})
    (past,) = (await operator.get("/halts")).json()["items"]

    assert (halted.status_code, halted.json()["denied"]) == (201, 0)
    assert (stands["active"], stands["reason"], stands["by_user"]) == (
        True,
        "The feed looks wrong.",
        "operator",
    )
    assert lifted.status_code == 204
    assert not past["active"]


def _demote(tx: Tx, email: str) -> None:
    tx.run(update(users).where(users.c.email == email).values(role="trader"))


@pytest.mark.parametrize("scope", ["everything", "account:", ""])
async def test_a_scope_that_cannot_be_is_refused(operator: httpx.AsyncClient, scope: str) -> None:
    answer = await operator.post("/halts", json={"scope": scope})

    assert 400 <= answer.status_code < 500
    assert answer.json()["field"] == "scope"


async def test_what_is_not_halted_is_not_lifted(operator: httpx.AsyncClient) -> None:
    answer = await operator.post("/halts/lift", json={"scope": "platform"})

    assert answer.status_code in {404, 409}


async def test_halting_is_an_admins_business(anybody: httpx.AsyncClient, world: World) -> None:
    first = world.first_user
    await world.services.users.change_password(
        (await world.services.users.operated()).id, None, "quiet harbour before dawn"
    )
    await world.services.db.write(_demote, first.email)

    answer = await anybody.post(
        "/api/v1/halts",
        json={"scope": "platform"},
        auth=(first.email, "quiet harbour before dawn"),
    )

    assert answer.status_code == 403
