"""A database whose process dies right after a commit, before anybody hears of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Concatenate

from control_plane.infra.db import Database, P, T, Tx


class Died(BaseException):
    """No code of ours runs after this, so none may catch it."""


@dataclass
class DyingDatabase(Database):
    commits_left: int = -1  # none dies

    async def write(
        self, work: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        result = await super().write(work, *args, **kwargs)
        self.commits_left -= 1
        if self.commits_left == 0:
            raise Died
        return result
