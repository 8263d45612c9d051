"""One row that cannot be worked on must not keep the others waiting.

What fails for a reason that nobody foresaw is a bug: it is logged with its trace, told in an
`incident` event, and tried again later and later, while everything else goes on. What somebody else
was quicker with is nobody's illness: the next pass sees what is left of it. A dependency that is
away is everybody's matter and passes through. Beside the supervisor and the HTTP edge this is
the one place that catches any exception.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import ParamSpec, TypeVar

from loguru import logger

from control_plane.core.clock import Clock
from control_plane.errors import Unavailable
from control_plane.infra import events
from control_plane.infra.db import Database, Superseded, Tx
from control_plane.infra.failpoints import FailpointRaised

FIRST_REST_SECONDS = 1.0
LONGEST_REST_SECONDS = 300.0
REMEMBERED = 1_000

EVERYBODY_S = (Unavailable, FailpointRaised)

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class _Illness:
    failures: int
    until: float  # it rests


@dataclass(frozen=True)
class Isolation:
    db: Database
    clock: Clock
    _ill: dict[tuple[str, str], _Illness] = field(default_factory=dict)

    async def run(
        self,
        kind: str,
        identity: str,
        work: Callable[P, Awaitable[T]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T | None:
        """What came of the work, or nothing if it failed or rests after a failure."""
        if self._rests(kind, identity):
            return None
        try:
            result = await work(*args, **kwargs)
        except Superseded:
            return None
        except EVERYBODY_S:
            raise
        except Exception as error:  # noqa: BLE001 # a bug that one row meets is not the others'
            await self._fell_ill(kind, identity, error)
            return None
        self._ill.pop((kind, identity), None)
        return result

    async def together(
        self,
        kind: str,
        rows: Sequence[R],
        work: Callable[[Sequence[R]], Awaitable[T]],
        of: Callable[[R], str],
    ) -> list[T]:
        """All rows at once, which is cheap; each alone if that fails. What came of each piece of
        work; what was half done when it failed must bear a repeat.
        """
        well = [row for row in rows if not self._rests(kind, of(row))]
        if not well:
            return []
        try:
            return [await work(well)]
        except Superseded:
            logger.info("rows_superseded", of=kind, rows=len(well))
        except EVERYBODY_S:
            raise
        except Exception as error:  # noqa: BLE001 # which row it was shows when each is alone
            logger.opt(exception=error).error("rows_failed_together", of=kind, rows=len(well))
        done = [await self.run(kind, of(row), work, [row]) for row in well]
        return [one for one in done if one is not None]

    def _rests(self, kind: str, identity: str) -> bool:
        illness = self._ill.get((kind, identity))
        return illness is not None and self.clock.monotonic() < illness.until

    async def _fell_ill(self, kind: str, identity: str, error: Exception) -> None:
        before = self._ill.pop((kind, identity), None)
        failures = 1 if before is None else before.failures + 1
        rest = min(LONGEST_REST_SECONDS, FIRST_REST_SECONDS * 2 ** min(failures - 1, 10))
        self._ill[kind, identity] = _Illness(failures, self.clock.monotonic() + rest)
        if len(self._ill) > REMEMBERED:
            del self._ill[next(iter(self._ill))]
        logger.opt(exception=error).error("row_failed", of=kind, row=identity, failures=failures)
        if before is None:
            await self.db.write(_tell, kind, identity, type(error).__name__)


def _tell(tx: Tx, kind: str, identity: str, error: str) -> None:
    events.record(tx, "incident", kind, identity, error=error)
