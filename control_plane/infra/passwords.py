"""Passwords, kept as argon2id. Hashing costs 64 MB and tens of milliseconds: two at a time, the
others wait.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from control_plane.core.ids import Rng
from control_plane.infra.http_refusals import Throttled

AT_ONCE = 2
WAITING = 30  # beyond that a guess costs us more than whoever makes it
BUSY_SECONDS = 3  # by then those that wait are through
SALT_BYTES = 16


@dataclass
class Passwords:
    rng: Rng
    memory_kib: int = 64 * 1024
    passes: int = 3
    _turn: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    _unknown: str | None = None
    _waiting: int = 0

    async def hash(self, password: str) -> str:
        salt = self.rng.bytes(SALT_BYTES)
        async with self._in_turn():
            return await asyncio.to_thread(lambda: self._hasher().hash(password, salt=salt))

    async def is_right(self, password: str, stored: str | None) -> bool:
        """For a user that does not exist, `stored` is None: the answer takes as long."""
        if stored is None:
            self._unknown = self._unknown or await self.hash("nobody")
        compared = stored or self._unknown or ""
        async with self._in_turn():
            right = await asyncio.to_thread(self._compare, compared, password)
        return right and stored is not None

    @asynccontextmanager
    async def _in_turn(self) -> AsyncIterator[None]:
        if self._waiting >= WAITING:
            raise Throttled("Too many sign in at once.", BUSY_SECONDS)
        self._waiting += 1
        try:
            async with self._turn:
                yield
        finally:
            self._waiting -= 1

    def is_weak(self, stored: str) -> bool:
        """Whether it was hashed with less than we ask for now."""
        return self._hasher().check_needs_rehash(stored)

    def _compare(self, stored: str, password: str) -> bool:
        try:
            return self._hasher().verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False

    def _hasher(self) -> PasswordHasher:
        return PasswordHasher(
            time_cost=self.passes, memory_cost=self.memory_kib, parallelism=1, type=Type.ID
        )
