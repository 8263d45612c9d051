"""The ways that work, and that every route is guarded and described."""

import httpx
import pytest

from tests.fakes.site import CODE, World


async def test_a_strategy_is_uploaded_as_json_or_as_files(operator: httpx.AsyncClient) -> None:
    files = {"code": ("a.py", CODE), "manifest": ("a.json", '{"resolution": "5m"}')}
    first = await operator.post("/strategies", json={"name": "cross", "code": CODE})
    second = await operator.post("/strategies/files", data={"name": "cross"}, files=files)

    assert (first.json()["number"], second.json()["number"]) == (1, 2)
    listed = (await operator.get("/strategies")).json()["items"]
    assert [(one["name"], one["versions"]) for one in listed] == [("cross", 2)]
    assert second.json()["outline"]["resolution"] == "5m"


async def test_the_same_text_again_is_the_same_version(operator: httpx.AsyncClient) -> None:
    first = await operator.post("/strategies", json={"name": "cross", "code": CODE})
    second = await operator.post("/strategies", json={"name": "cross", "code": CODE})

    assert first.json()["id"] == second.json()["id"]


async def test_a_deployment_is_listed_with_how_it_stands(
    operator: httpx.AsyncClient, deployed: str
) -> None:
    listed = (await operator.get("/deployments")).json()["items"]

    assert [one["id"] for one in listed] == [deployed]
    assert listed[0]["instrument"] == "spot:B-BTC_USDT"
    assert listed[0]["parameters"] == {"fast": 10}
    assert listed[0]["reason"]
    assert listed[0]["created_at"].endswith("Z")


@pytest.mark.parametrize(
    ("steps", "desired"),
    [
        (["pause"], "paused"),
        (["pause", "resume"], "running"),
        (["stop"], "stopped"),
        (["stop", "start"], "running"),
        (["restart"], "running"),
        (["drain"], "stopped"),
    ],
)
async def test_a_deployment_does_as_it_is_told(
    operator: httpx.AsyncClient, deployed: str, steps: list[str], desired: str
) -> None:
    for step in steps:
        answer = await operator.post(f"/deployments/{deployed}/{step}")

    assert answer.status_code == 200
    assert answer.json()["desired"] == desired


async def test_a_shadow_is_started_compared_and_promoted(
    operator: httpx.AsyncClient, deployed: str
) -> None:
    path = f"/deployments/{deployed}/shadow"
    made = await operator.post(path, json={"parameters": {"fast": 20}})
    compared = await operator.get(path)
    promoted = await operator.post(f"{path}/promote")

    assert (made.status_code, made.json()["shadow_of"]) == (201, deployed)
    assert compared.json()["shadow_id"] == made.json()["id"]
    assert (compared.json()["compared"], compared.json()["differences"]) == (0, [])
    assert promoted.json()["parameters"]["fast"] == 20
    assert (await operator.delete(path)).status_code == 404


async def test_what_its_state_forbids_is_a_conflict(
    operator: httpx.AsyncClient, deployed: str
) -> None:
    answer = await operator.post(f"/deployments/{deployed}/resume")

    assert answer.status_code == 409
    assert answer.json()["remedy"]


async def test_a_deployment_is_changed_in_place(operator: httpx.AsyncClient, deployed: str) -> None:
    answer = await operator.patch(f"/deployments/{deployed}", json={"parameters": {"fast": 20}})

    assert answer.json()["parameters"] == {"fast": 20}


async def test_a_deleted_deployment_is_gone(operator: httpx.AsyncClient, deployed: str) -> None:
    assert (await operator.delete(f"/deployments/{deployed}")).status_code == 204
    assert (await operator.get(f"/deployments/{deployed}")).status_code == 404


async def test_a_paper_account_opens_with_exact_money(operator: httpx.AsyncClient) -> None:
    body = {"name": "practice", "currency": "INR", "amount": "100000.10"}
    opened = (await operator.post("/accounts/paper", json=body)).json()

    held = (await operator.get(f"/accounts/{opened['id']}/balances")).json()["items"]

    assert [(one["currency"], one["free"]) for one in held] == [("INR", "100000.1")]
    assert (await operator.get("/accounts")).json()["items"] == [opened]


async def test_instruments_are_listed_and_found_by_what_people_type(
    operator: httpx.AsyncClient,
) -> None:
    listed = (await operator.get("/instruments")).json()["items"]
    named = await operator.get("/instruments/named", params={"text": "I-BTC_INR"})

    assert "spot:B-BTC_USDT" in {one["id"] for one in listed}
    assert named.json()["id"] == "spot:I-BTC_INR"


@pytest.mark.parametrize(
    "path", ["signals", "intents", "skips", "orders", "fills", "trades", "accounts", "strategies"]
)
async def test_an_empty_list_is_a_list(operator: httpx.AsyncClient, path: str) -> None:
    assert (await operator.get(f"/{path}")).json() == {"items": [], "next_cursor": None}


DOORS = {
    "POST /api/v1/sign-up",
    "POST /api/v1/sign-up/confirm",
    "POST /api/v1/password-reset",
    "POST /api/v1/password-reset/confirm",
    "POST /api/v1/sessions",
    "POST /api/v1/sessions/refresh",
    "POST /api/v1/sessions/end",
    "GET /api/v1/sign-in/google",
    "GET /api/v1/sign-in/google/callback",
    "POST /api/v1/sign-in/google/finish",
    "POST /api/v1/sign-in/google/claim",
}


async def test_every_route_but_the_doors_asks_who_it_is(
    anybody: httpx.AsyncClient, world: World
) -> None:
    schema = world.app.openapi()
    routes = [(path, verb) for path, verbs in schema["paths"].items() for verb in verbs]
    guarded = [(p, v) for p, v in routes if f"{v.upper()} {p}" not in DOORS]

    statuses = {(await anybody.request(verb, path)).status_code for path, verb in guarded}

    assert len(guarded) == len(routes) - len(DOORS)
    assert statuses == {401}


async def test_every_route_says_what_it_does(world: World) -> None:
    operations = [
        verb for verbs in world.app.openapi()["paths"].values() for verb in verbs.values()
    ]

    assert all(operation.get("description") for operation in operations)


async def test_health_needs_no_sign_in(anybody: httpx.AsyncClient) -> None:
    assert (await anybody.get("/health/live")).json() == {"live": True}
    assert (await anybody.get("/health/ready")).json() == {
        "ready": True,
        "missing": [],
        "alarms": [],
    }


async def test_the_schema_says_how_to_sign_in(world: World) -> None:
    schemes = world.app.openapi()["components"]["securitySchemes"]

    assert {scheme["scheme"] for scheme in schemes.values()} == {"bearer", "basic"}
