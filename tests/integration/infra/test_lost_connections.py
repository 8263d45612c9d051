"""PostgreSQL's connections are taken for good a moment after they were used: one that is lost
meanwhile fails nobody whose transaction had not begun.
"""

import pytest
from sqlalchemy import text

from control_plane.infra.clock import RealClock
from control_plane.infra.db import DatabaseUnavailable, Tx, connect
from tests.conftest import own_postgres

pytestmark = [pytest.mark.db, pytest.mark.postgres]

KILL = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname=current_database()"
OTHERS = f"{KILL} AND pid <> pg_backend_pid()"


def who(tx: Tx) -> int:
    return int(tx.scalar(text("SELECT pg_backend_pid()")))


async def test_a_connection_that_was_lost_meanwhile_fails_nobody() -> None:
    with own_postgres(__name__) as url:
        database, other = connect(url, RealClock()), connect(url, RealClock())
        for ask in (database.read, database.write):
            before = await ask(who)
            assert await ask(who) == before
            await other.write(lambda tx: tx.all(text(OTHERS)))

            assert await ask(who) != before
        database.close()
        other.close()


async def test_a_transaction_that_is_broken_off_is_not_repeated() -> None:
    with own_postgres(__name__) as url:
        database, other = connect(url, RealClock()), connect(url, RealClock())
        begun = []

        def lose(tx: Tx) -> None:
            begun.append(who(tx))
            other._transact(None, lambda another: another.all(text(OTHERS)))
            tx.all(text("SELECT 1"))

        with pytest.raises(DatabaseUnavailable):
            await database.write(lose)

        assert len(begun) == 1
        assert await database.write(who) not in begun
        database.close()
        other.close()
