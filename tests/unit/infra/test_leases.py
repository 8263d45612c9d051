"""What an owner believes of its own leases, by a clock that tests drive."""

from dataclasses import replace
from typing import Any

import pytest

from control_plane.core.ids import SHARDS
from control_plane.infra.db import Database, DatabaseUnavailable
from control_plane.infra.failpoints import Failpoints
from control_plane.infra.leases import TERM_SECONDS, TRUST_SECONDS, Leases
from tests.fakes.clock import FakeClock


class Away(Database):
    """A server that does not answer."""

    async def write(self, *args: Any, **kwargs: Any) -> Any:
        raise DatabaseUnavailable("It does not answer.")


@pytest.fixture
async def owner(memory: Database, clock: FakeClock) -> Leases:
    made = Leases("trading", "me", "", memory, clock, Failpoints(clock))
    await made.once()
    return made


async def test_h3_a_late_renewal_steps_down_before_the_lease_ends(
    owner: Leases, memory: Database, clock: FakeClock
) -> None:
    other = Leases("trading", "other", "", memory, clock, Failpoints(clock))
    await clock.advance(TRUST_SECONDS + 0.1)
    await other.once()
    assert (owner.owned(), other.owned()) == (frozenset(), frozenset())

    await clock.advance(TERM_SECONDS - TRUST_SECONDS)
    await other.once()
    assert len(other.owned()) == SHARDS


async def test_h4_without_its_database_an_owner_owns_nothing(
    owner: Leases, memory: Database, clock: FakeClock
) -> None:
    owner.db = Away(**vars(replace(memory)))
    await clock.advance(TRUST_SECONDS - 0.1)
    await owner.once()
    assert len(owner.owned()) == SHARDS

    await clock.advance(0.2)
    await owner.once()
    assert owner.owned() == frozenset()
    assert not any(owner.is_trusted(shard) for shard in owner._epochs)
