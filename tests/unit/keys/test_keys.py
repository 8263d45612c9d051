"""Broker keys through the API and the trading role's opener, and a rotation that is broken off."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import select, update

from control_plane.core.ids import AccountId, Rng
from control_plane.infra import keyring
from control_plane.infra.db import Database, Tx
from control_plane.infra.failpoints import Arming, FailpointRaised, Failpoints
from control_plane.keys.errors import KeyTampered, NoKey
from control_plane.keys.service import Opener, Rotation
from control_plane.keys.store import keys as table
from tests.fakes.clock import FakeClock
from tests.fakes.site import INSTALLATION, World, make_world
from tests.unit.api.people import Person, signed_in

CANARY = "canary-secret-5d1f0b"


@pytest.fixture
async def world(memory: Database, clock: FakeClock, rng: Rng) -> World:
    return await make_world(memory, clock, rng)


@pytest.fixture
async def ann(world: World) -> Person:
    return await signed_in(world, "ann")


@pytest.fixture
def folder(world: World) -> Path:
    return world.services.keys.folder


@pytest.fixture
def opener(memory: Database, folder: Path) -> Opener:
    return Opener(memory, INSTALLATION, folder)


async def live(somebody: Person, name: str = "main", secret: str = CANARY) -> AccountId:
    made = await somebody.ask("POST", "/accounts/live", json={"name": name})
    account = AccountId(made.json()["id"])
    await put(somebody, account, secret)
    return account


async def put(somebody: Person, account: str, secret: str = CANARY) -> dict[str, str]:
    body = {"api_key": f"key-of-{account}", "api_secret": secret}
    answer = await somebody.ask("PUT", f"/accounts/{account}/key", json=body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


@pytest.mark.attack("U15")
async def test_a_key_goes_in_and_what_comes_out_is_masked(ann: Person, opener: Opener) -> None:
    account = await live(ann)
    shown = await ann.ask("GET", f"/accounts/{account}/key")
    opened = await opener.credentials(account)

    assert shown.json()["hint"] == account[-4:]
    assert CANARY not in shown.text
    assert f"key-of-{account}" not in shown.text
    assert (opened.key, opened.secret) == (f"key-of-{account}", CANARY)
    assert CANARY not in repr(opened)


@pytest.mark.attack("Q1")
@pytest.mark.attack("Q5")
async def test_the_database_and_the_api_hold_no_secret(
    ann: Person, world: World, memory: Database
) -> None:
    """Q1, Q5: whoever has both can neither read nor open it."""
    await live(ann)
    rows = await memory.read(lambda tx: tx.all(select(table)))

    assert CANARY.encode() not in b"".join([rows[0].key, rows[0].secret])
    assert not any("private" in name or "ring" in name for name in vars(world.services.keys))


async def test_an_account_trades_while_it_has_a_key(ann: Person, opener: Opener) -> None:
    made = (await ann.ask("POST", "/accounts/live", json={"name": "main"})).json()
    await put(ann, made["id"])
    [active] = (await ann.ask("GET", "/accounts")).json()["items"]
    revoked = await ann.ask("DELETE", f"/accounts/{made['id']}/key")
    [suspended] = (await ann.ask("GET", "/accounts")).json()["items"]

    assert [made["state"], active["state"], suspended["state"]] == [
        "suspended",
        "active",
        "suspended",
    ]
    assert revoked.status_code == 204
    with pytest.raises(NoKey):
        await opener.credentials(made["id"])


async def test_a_key_is_stored_after_a_fresh_proof_alone(ann: Person, clock: FakeClock) -> None:
    account = await live(ann)
    await clock.advance(301)
    body = {"api_key": "key-of-ann-1", "api_secret": CANARY}

    assert (await ann.ask("PUT", f"/accounts/{account}/key", json=body)).status_code == 403


async def test_nobody_touches_anothers_key(ann: Person, world: World) -> None:
    account, bob = await live(ann), await signed_in(world, "bob")
    body = {"api_key": "key-of-bob-1", "api_secret": "secret-of-bob"}

    answers = [
        await bob.ask("GET", f"/accounts/{account}/key"),
        await bob.ask("PUT", f"/accounts/{account}/key", json=body),
        await bob.ask("DELETE", f"/accounts/{account}/key"),
    ]
    assert [answer.status_code for answer in answers] == [404, 404, 404]


async def test_a_paper_account_takes_no_key(ann: Person) -> None:
    body = {"name": "practice", "currency": "INR", "amount": "1"}
    paper = (await ann.ask("POST", "/accounts/paper", json=body)).json()["id"]
    key = {"api_key": "key-of-ann-1", "api_secret": CANARY}

    assert (await ann.ask("PUT", f"/accounts/{paper}/key", json=key)).status_code == 409


@pytest.mark.attack("Q2")
async def test_rows_that_were_swapped_do_not_open(
    ann: Person, opener: Opener, memory: Database
) -> None:
    """Q2"""
    one, two = await live(ann, "one"), await live(ann, "two")

    def swap(tx: Tx) -> None:
        rows = {row.account: row for row in tx.all(select(table))}
        for here, there in ((one, two), (two, one)):
            sealed = {"key": rows[there].key, "secret": rows[there].secret}
            tx.run(update(table).where(table.c.account == here).values(**sealed))

    await memory.write(swap)
    for account in (one, two):
        with pytest.raises(KeyTampered):
            await opener.credentials(account)


@pytest.mark.attack("Q3")
async def test_an_old_row_that_comes_back_does_not_open(
    ann: Person, opener: Opener, memory: Database
) -> None:
    """Q3: the whole row, with its own version."""
    account = await live(ann, secret="the older secret")
    old = dict((await memory.read(lambda tx: tx.all(select(table))))[0]._mapping)
    await put(ann, account)

    await memory.write(lambda tx: tx.run(update(table).values(**old)))

    with pytest.raises(KeyTampered):
        await opener.credentials(account)


async def test_a_rotation_that_was_broken_off_goes_on(
    ann: Person, opener: Opener, memory: Database, rng: Rng, folder: Path, clock: FakeClock
) -> None:
    accounts = [await live(ann, f"main {number}") for number in range(6)]
    before = keyring.read(folder).primary_id
    armed = Failpoints(clock, armed={"kek.after_rewrap_row": Arming("raise", skip=2)})
    broken = Rotation(memory, rng, INSTALLATION, folder, armed)
    with pytest.raises(FailpointRaised):
        await broken.finish(await broken.begin())
    half_way = [await opener.credentials(account) for account in accounts]

    again = Rotation(memory, rng, INSTALLATION, folder, Failpoints(clock))
    assert await again.finish(await again.begin()) == 3

    assert {one.secret for one in half_way} == {CANARY}
    assert {(await opener.credentials(one)).secret for one in accounts} == {CANARY}
    ring = keyring.read(folder)
    assert ring.primary_id != before
    assert ring.is_disabled(before)
    kept = await memory.read(lambda tx: tx.all(select(table.c.kek_id).distinct()))
    assert [row.kek_id for row in kept] == [ring.primary_id]


async def test_keys_are_used_and_set_while_a_rotation_runs(
    ann: Person, opener: Opener, memory: Database, rng: Rng, folder: Path, clock: FakeClock
) -> None:
    accounts = [await live(ann, f"main {number}") for number in range(8)]
    rotation = Rotation(memory, rng, INSTALLATION, folder, Failpoints(clock))

    async def sign() -> None:
        for account in accounts * 3:
            assert (await opener.credentials(account)).secret.startswith("canary")
            await asyncio.sleep(0)

    async def replace_some() -> None:
        for account in accounts[::2]:
            await put(ann, account, f"{CANARY}-newer")

    async with asyncio.TaskGroup() as group:
        group.create_task(sign())
        group.create_task(replace_some())
        await rotation.finish(await rotation.begin())

    secrets = [(await opener.credentials(account)).secret for account in accounts]
    assert secrets == [f"{CANARY}-newer", CANARY] * 4


@pytest.mark.attack("Q6")
async def test_the_keyring_is_its_owners_alone_and_shows_nothing(folder: Path) -> None:
    ring = keyring.read(folder)

    assert (folder / keyring.FILE).stat().st_mode & 0o777 == 0o400
    assert ring.keys[0].key not in repr(ring) + repr(ring.keys)
