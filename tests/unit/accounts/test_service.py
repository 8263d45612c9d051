from decimal import Decimal

import pytest

from control_plane.accounts.errors import (
    AccountBusy,
    NameTaken,
    NoSuchAccount,
    PasswordMustChange,
    WeakPassword,
    WrongPassword,
)
from control_plane.accounts.models import FirstUser
from control_plane.accounts.service import Accounts, Users, admins, admit, owned_account
from control_plane.core.ids import AccountId, Rng, Tenant
from control_plane.infra.db import Database
from control_plane.infra.http_refusals import Throttled, Unauthenticated
from control_plane.infra.passwords import Passwords
from tests.fakes.clock import FakeClock

ANN, BOB = Tenant("us-ann"), Tenant("us-bob")


@pytest.fixture
def users(memory: Database, clock: FakeClock, rng: Rng) -> Users:
    return Users(memory, clock, rng, Passwords(rng, memory_kib=8, passes=1))


@pytest.fixture
def accounts(memory: Database, rng: Rng) -> Accounts:
    return Accounts(memory, rng, is_busy=lambda _tx, _account: False)


async def _first(users: Users) -> FirstUser:
    first = await users.ensure_first()
    assert first is not None
    return first


async def test_the_first_user_is_made_once(users: Users) -> None:
    first = await _first(users)

    assert await users.ensure_first() is None
    assert first.one_time_password not in repr(first)


async def test_a_one_time_password_opens_nothing_but_its_change(users: Users) -> None:
    first = await _first(users)
    user = await users.sign_in(first.email, first.one_time_password, "127.0.0.1")

    with pytest.raises(PasswordMustChange):
        admit(user)


async def test_a_changed_password_signs_in_and_the_old_one_no_more(users: Users) -> None:
    first = await _first(users)
    user = await users.sign_in(first.email, first.one_time_password, "127.0.0.1")

    await users.change_password(user.id, first.one_time_password, "quiet harbour before dawn")

    user = await users.sign_in(first.email, "quiet harbour before dawn", "127.0.0.1")
    assert admit(user).role == "admin"
    with pytest.raises(Unauthenticated):
        await users.sign_in(first.email, first.one_time_password, "127.0.0.1")


async def test_a_change_needs_the_current_password_and_a_good_new_one(users: Users) -> None:
    first = await _first(users)
    user = await users.sign_in(first.email, first.one_time_password, "127.0.0.1")

    with pytest.raises(WrongPassword):
        await users.change_password(user.id, "not it", "quiet harbour before dawn")
    with pytest.raises(WeakPassword):
        await users.change_password(user.id, first.one_time_password, "short")
    with pytest.raises(WrongPassword):
        await users.change_password(user.id, first.one_time_password, first.one_time_password)


@pytest.mark.attack("T3")
async def test_nobody_learns_whether_a_user_exists(users: Users) -> None:
    first = await _first(users)

    with pytest.raises(Unauthenticated) as unknown:
        await users.sign_in("nobody@localhost", "whatever it is", "127.0.0.1")
    with pytest.raises(Unauthenticated) as wrong:
        await users.sign_in(first.email, "whatever it is", "127.0.0.1")

    assert str(unknown.value) == str(wrong.value)


async def test_guessing_is_slowed_down(users: Users, clock: FakeClock) -> None:
    first = await _first(users)
    for _ in range(3):
        with pytest.raises(Unauthenticated):
            await users.sign_in(first.email, "a guess", "10.0.0.9")

    with pytest.raises(Throttled):
        await users.sign_in(first.email, first.one_time_password, "10.0.0.9")

    await users.sign_in(first.email, first.one_time_password, "127.0.0.1")
    await clock.advance(2)
    await users.sign_in(first.email, first.one_time_password, "10.0.0.9")


async def test_a_paper_account_opens_with_its_play_money(accounts: Accounts) -> None:
    opened = await accounts.open_paper(ANN, "practice", "INR", Decimal("100000"))

    assert await accounts.of(ANN) == [opened]
    held = await accounts.balances(ANN, opened.id)
    assert [(row.wallet, row.currency, row.free) for row in held] == [
        ("paper", "INR", Decimal("100000"))
    ]


async def test_a_name_is_taken_once_per_owner(accounts: Accounts) -> None:
    await accounts.open_paper(ANN, "practice", "INR", Decimal(1))
    await accounts.open_paper(BOB, "practice", "INR", Decimal(1))

    with pytest.raises(NameTaken):
        await accounts.open_paper(ANN, "practice", "USDT", Decimal(1))


async def test_somebody_elses_account_is_as_missing_as_none(
    accounts: Accounts, memory: Database
) -> None:
    opened = await accounts.open_paper(ANN, "practice", "INR", Decimal(1))

    with pytest.raises(NoSuchAccount):
        await accounts.balances(BOB, opened.id)
    with pytest.raises(NoSuchAccount):
        await memory.read(owned_account, ANN, AccountId("ac-none"))
    assert await memory.read(owned_account, ANN, opened.id) == opened


async def test_a_reset_begins_again(accounts: Accounts) -> None:
    opened = await accounts.open_paper(ANN, "practice", "INR", Decimal(1))

    await accounts.reset(ANN, opened.id, "USDT", Decimal(500))

    held = await accounts.balances(ANN, opened.id)
    assert [(row.currency, row.free) for row in held] == [("USDT", Decimal(500))]


async def test_a_busy_account_is_not_reset(memory: Database, rng: Rng) -> None:
    accounts = Accounts(memory, rng, is_busy=lambda _tx, _account: True)
    opened = await accounts.open_paper(ANN, "practice", "INR", Decimal(1))

    with pytest.raises(AccountBusy):
        await accounts.reset(ANN, opened.id, "INR", Decimal(2))


async def test_the_first_user_is_an_admin(users: Users, memory: Database) -> None:
    await _first(users)

    assert await memory.read(admins) == {(await users.operated()).tenant}
