import httpx
import pytest

from tests.fakes.site import TOKEN, World

NEW = "quiet harbour before dawn"


async def test_nobody_is_nobody(anybody: httpx.AsyncClient) -> None:
    answer = await anybody.get("/api/v1/me")

    assert answer.status_code == 401
    assert answer.json()["remedy"]


@pytest.mark.parametrize(
    "header",
    ["Bearer ", "Bearer nonsense", f"bearer {TOKEN}x", "Basic", "Basic %%%", "Basic bm9jb2xvbg=="],
)
async def test_a_wrong_credential_is_refused(anybody: httpx.AsyncClient, header: str) -> None:
    answer = await anybody.get("/api/v1/me", headers={"Authorization": header})

    assert answer.status_code == 401


async def test_the_operators_token_acts_for_the_first_admin(
    operator: httpx.AsyncClient,
) -> None:
    answer = await operator.get("/me")

    assert answer.json()["name"] == "operator"
    assert answer.json()["is_admin"]


async def test_a_one_time_password_is_good_for_changing_it_alone(
    anybody: httpx.AsyncClient, world: World
) -> None:
    one_time = (world.first_user.email, world.first_user.one_time_password)

    refused = await anybody.get("/api/v1/me", auth=one_time)
    changed = await anybody.post(
        "/api/v1/me/password",
        auth=one_time,
        json={"current_password": one_time[1], "new_password": NEW},
    )
    admitted = await anybody.get("/api/v1/me", auth=(one_time[0], NEW))

    assert refused.status_code == 403
    assert "/api/v1/me/password" in refused.json()["remedy"]
    assert changed.status_code == 204
    assert admitted.json()["name"] == one_time[0]


async def test_a_weak_password_is_refused_by_its_field(operator: httpx.AsyncClient) -> None:
    answer = await operator.post("/me/password", json={"new_password": "short"})

    assert answer.status_code == 422
    assert answer.json()["field"] == "new_password"
