"""The audit log on both databases: what cannot be changed, and what shows if it was."""

import asyncio
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from control_plane.core.clock import Clock
from control_plane.infra import audit, checkpoints, events, schema
from control_plane.infra.audit import Broken
from control_plane.infra.checkpoints import FILE, Checkpoints
from control_plane.infra.clock import RealClock
from control_plane.infra.db import Database, Tx, connect
from control_plane.infra.engines import Pool
from control_plane.infra.verifying import Verification
from tests.fakes.clock import FakeClock

pytestmark = pytest.mark.db

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
ROWS = 40


async def fill(database: Database, rows: int = ROWS, chain: str = audit.PEOPLE) -> None:
    def write(tx: Tx) -> None:
        for number in range(rows):
            audit.record(tx, "thing_done", "thing", f"th{number}", chain=chain, number=number)

    await database.write(write)


def tamper(database: Database, *statements: str) -> None:
    """As somebody does who owns the database: first the triggers go."""
    with database.engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("ALTER TABLE audit DISABLE TRIGGER USER"))
        else:
            connection.execute(text("DROP TRIGGER IF EXISTS audit_no_update"))
            connection.execute(text("DROP TRIGGER IF EXISTS audit_no_delete"))
        for statement in statements:
            connection.execute(text(statement))


async def verified(database: Database, folder: Path) -> tuple[Broken | None, int]:
    return await database.read(checkpoints.verify, checkpoints.read(folder / FILE))


async def test_a_chain_that_nobody_touched_is_whole(database: Database, tmp_path: Path) -> None:
    await fill(database)
    await fill(database, 5, "shard-7")

    assert await verified(database, tmp_path) == (None, ROWS + 5)


async def test_an_event_and_its_row_are_written_together_or_not_at_all(
    database: Database,
) -> None:
    def fail(tx: Tx) -> None:
        audit.record(tx, "thing_done", "thing", "th1")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await database.write(fail)

    assert await database.read(audit.tails) == []


@pytest.mark.parametrize(
    "statement", ["UPDATE audit SET body = '{}' WHERE seq = 3", "DELETE FROM audit WHERE seq = 3"]
)
async def test_the_database_refuses_to_change_or_delete_a_row(
    database: Database, statement: str
) -> None:
    await fill(database, 5)

    with pytest.raises(DBAPIError, match="audit rows stay"), database.engine.begin() as connection:
        connection.execute(text(statement))


async def test_so_does_a_migrated_one(database_url: str) -> None:
    migrated = connect(database_url, RealClock(), pool=Pool(size=2, overflow=0))
    schema.upgrade(migrated)
    await fill(migrated, 3)

    with pytest.raises(DBAPIError, match="audit rows stay"), migrated.engine.begin() as connection:
        connection.execute(text("DELETE FROM audit"))
    migrated.close()


@pytest.mark.attack("U17")
async def test_each_changed_row_is_named(database: Database, tmp_path: Path) -> None:
    await fill(database)
    tamper(database)
    for seq in range(ROWS, 0, -1):
        tamper(database, f"UPDATE audit SET body = body || ' ' WHERE seq = {seq}")

        broken, _ = await verified(database, tmp_path)
        assert broken == Broken(audit.PEOPLE, seq, "its text was changed")


async def test_a_missing_row_is_named(database: Database, tmp_path: Path) -> None:
    await fill(database)
    tamper(database, "DELETE FROM audit WHERE seq = 17")

    broken, _ = await verified(database, tmp_path)
    assert broken == Broken(audit.PEOPLE, 17, "it is missing")


@pytest.mark.attack("U17")
async def test_a_tail_that_was_cut_off_is_found_by_the_checkpoint(
    database: Database, tmp_path: Path, real_clock: Clock
) -> None:
    await fill(database)
    await Checkpoints(database, real_clock, tmp_path, KEY).once()
    tamper(database, "DELETE FROM audit WHERE seq > 30")

    broken, _ = await verified(database, tmp_path)
    assert broken == Broken(audit.PEOPLE, 31, "it and what followed are missing")


@pytest.mark.attack("U17")
async def test_a_chain_written_anew_is_found_by_the_checkpoint(
    database: Database, tmp_path: Path, real_clock: Clock
) -> None:
    """Every digest fits every other, and yet it is another history."""
    await fill(database)
    await Checkpoints(database, real_clock, tmp_path, KEY).once()
    tamper(database, "DELETE FROM audit")
    await fill(database)

    broken, _ = await verified(database, tmp_path)
    assert broken is not None


async def test_writers_at_once_make_one_chain(database: Database, tmp_path: Path) -> None:
    async with asyncio.TaskGroup() as group:
        for _ in range(12):
            group.create_task(fill(database, 3))

    assert await verified(database, tmp_path) == (None, 36)


async def test_checkpoints_follow_one_another_over_a_restart(
    database: Database, tmp_path: Path, clock: FakeClock
) -> None:
    for _ in range(3):
        await fill(database, 2)
        signs = Checkpoints(database, clock, tmp_path, KEY)
        signs.publish()
        assert await signs.once() == 1
        assert await signs.once() == 0

    signed = checkpoints.read(tmp_path / FILE)
    assert [one.seq for one in signed] == [2, 4, 6]
    assert checkpoints.forged(signed, KEY.public_key()) is None
    assert checkpoints.forged([signed[0], signed[2]], KEY.public_key()) == 2
    other = Ed25519PrivateKey.from_private_bytes(b"o" * 32)
    assert checkpoints.forged(signed, other.public_key()) == 1


async def test_a_thousand_rows_do_not_wait_for_the_minute(
    database: Database, tmp_path: Path, clock: FakeClock
) -> None:
    signs = Checkpoints(database, clock, tmp_path, KEY)
    await fill(database, 1)
    await signs.once()
    await fill(database, 999)
    early = await signs.once()
    await fill(database, 1)

    assert (early, await signs.once()) == (0, 1)


async def test_a_changed_row_is_told_once_by_the_nightly_look(
    database: Database, tmp_path: Path
) -> None:
    await fill(database)
    clock = FakeClock()
    signs = Checkpoints(database, clock, tmp_path, KEY)
    await signs.once()
    nightly = Verification(database, clock, tmp_path, KEY.public_key())
    assert await nightly.once() is None

    tamper(database, "UPDATE audit SET body = '{}' WHERE seq = 17")
    found = [await nightly.once() for _ in range(2)]

    told = await database.read(events.latest)
    assert [one.seq for one in found if one is not None] == [17, 17]
    incidents = [row for row in told if row["kind"] == "incident"]
    assert [(row["subject_id"], row["body"]["seq"]) for row in incidents] == [(audit.PEOPLE, 17)]


async def test_a_checkpoint_that_was_taken_out_is_told(database: Database, tmp_path: Path) -> None:
    clock = FakeClock()
    signs = Checkpoints(database, clock, tmp_path, KEY)
    for _ in range(3):
        await fill(database, 3)
        signs._last = None
        await signs.once()
    lines = (tmp_path / FILE).read_bytes().splitlines(keepends=True)
    (tmp_path / FILE).write_bytes(lines[0] + lines[2])

    found = await Verification(database, clock, tmp_path, KEY.public_key()).once()

    assert found is not None
    assert (found.chain, found.seq) == ("checkpoints", 2)


async def test_several_rows_at_once_are_one_chain(database: Database, tmp_path: Path) -> None:
    def write(tx: Tx) -> None:
        audit.append(tx, "signals:3", *[{"n": n} for n in range(5)])
        audit.append(tx, "signals:3", {"n": 5})
        audit.append(tx, "orders:9", {"n": 0})

    await database.write(write)

    assert await verified(database, tmp_path) == (None, 7)
    tails = await database.read(audit.tails)
    assert [(tail.chain, tail.seq) for tail in tails] == [("orders:9", 1), ("signals:3", 6)]
