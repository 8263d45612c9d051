"""Answers written down together: while one commit is under way the next answers gather, and share
the following one. What is not yet written is in doubt after a crash, as it always was.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Generic, TypeVar

from control_plane.infra.db import DatabaseUnavailable, Tx
from control_plane.orders.service.desk import Desk

T = TypeVar("T")


@dataclass(frozen=True)
class Answer(Generic[T]):
    intent: str
    what: T
    kept: "asyncio.Future[bool]"


@dataclass
class Recorder(Generic[T]):
    desk: Desk
    record: Callable[[Tx, Sequence[T]], None]
    _waiting: list[Answer[T]] = field(default_factory=list)
    _is_writing: bool = False

    async def keep(self, intent: str, what: T) -> None:
        """Returns once it is committed. Whoever comes first writes for those who come meanwhile."""
        kept: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append(Answer(intent, what, kept))
        if not self._is_writing:
            await self._write()
        if not await kept:
            raise DatabaseUnavailable("The exchange's answer could not be written down.")

    async def _write(self) -> None:
        self._is_writing = True
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, []
                await self._together(batch)
        finally:
            left, self._waiting, self._is_writing = self._waiting, [], False
            _tell(left, is_kept=False)

    async def _together(self, batch: Sequence[Answer[T]]) -> None:
        is_kept = False
        try:
            isolation = self.desk.isolation
            await isolation.together("intent", batch, self._commit, attrgetter("intent"))
            is_kept = True
        finally:
            _tell(batch, is_kept=is_kept)

    async def _commit(self, batch: Sequence[Answer[T]]) -> None:
        await self.desk.db.write(self._record_all, batch)

    def _record_all(self, tx: Tx, batch: Sequence[Answer[T]]) -> None:
        self.record(tx, [answer.what for answer in batch])


def _tell(answers: Sequence[Answer[T]], *, is_kept: bool) -> None:
    for answer in answers:
        if not answer.kept.done():
            answer.kept.set_result(is_kept)
