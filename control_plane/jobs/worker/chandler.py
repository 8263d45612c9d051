"""Supplies a job with its candles: one file, in columns, named by what it hashes to.

Candles are read a piece at a time, so that nobody waits for a large file; the same candles give the
same file, which jobs share. Asked for again, they are not read again.
"""

import asyncio
import os
import sys
from array import array
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Any

from control_plane.core.clock import Clock
from control_plane.infra.db import Database, Tx
from control_plane.jobs.errors import BadJob
from control_plane.jobs.models.job import CandlesWish
from control_plane.market import service as market
from control_plane.market.models.catalogue import BY_ID
from control_plane.market.models.simulation import candle
from strategy_runtime.wire.candles import COLUMNS, Series, header
from strategy_runtime.wire.resolutions import DURATION_MS, RESOLUTIONS, open_of

PIECE = 4_000
SUFFIX = ".candles"
SEED = 1
KEPT_SECONDS = 600.0
REMEMBERED = 1_000
END_MS = 1_755_475_200_000  # where made candles end, for ever: 2025-08-18
READABLE = 0o644  # by the user of a container; the folder around it is ours alone
OURS_ALONE = 0o600

_numbers = count()


@dataclass(frozen=True)
class Supply:
    sha256: str
    path: Path
    size: int


@dataclass
class Columns:
    """One series on its way into the file."""

    resolution: str
    columns: "dict[str, array[float]]" = field(
        default_factory=lambda: {name: array("q" if name == "open_ms" else "d") for name in COLUMNS}
    )

    def add(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Each with a value for each column."""
        for column, values in zip(self.columns.values(), zip(*rows, strict=True), strict=False):
            column.extend(values)

    def __len__(self) -> int:
        return len(self.columns["open_ms"])


@dataclass(frozen=True)
class Chandler:
    db: Database
    clock: Clock
    folder: Path
    most: int
    for_containers: bool = True
    # What was supplied, by the wish and by what its candles looked like.
    _supplied: dict[tuple[object, ...], str] = field(default_factory=dict)

    async def supply(self, wish: CandlesWish) -> Supply:
        """The file. BadJob says why there can be none."""
        if wish.source == "made":
            series = [await asyncio.to_thread(_made, wish)]
            return await asyncio.to_thread(self._write, wish.instrument, series)
        about = (wish, await self.db.read(_outlines, wish))
        before = await asyncio.to_thread(self._again, self._supplied.get(about, ""))
        if before is not None:
            return before
        made = await asyncio.to_thread(self._write, wish.instrument, await self._stored(wish))
        while len(self._supplied) >= REMEMBERED:
            del self._supplied[next(iter(self._supplied))]
        # Outlined first, then read: what came in between leaves a file that nobody finds again.
        self._supplied[about] = made.sha256
        return made

    def file(self, sha256: str) -> Path:
        return self.folder / f"{sha256}{SUFFIX}"

    async def tidy(self, in_use: Collection[str]) -> None:
        """Files that no job needs any more, and that no job has just been given."""
        await asyncio.to_thread(self._tidy, in_use, self.clock.now().timestamp() - KEPT_SECONDS)

    async def _stored(self, wish: CandlesWish) -> list[Columns]:
        found: list[Columns] = []
        for resolution in wish.resolutions:
            series = Columns(resolution)
            step = PIECE * DURATION_MS[resolution]
            for since_ms in range(wish.since_ms, wish.until_ms, step):
                until_ms = min(wish.until_ms, since_ms + step)
                series.add(await self.db.read(_piece, wish, resolution, since_ms, until_ms))
                if sum(map(len, found)) + len(series) > self.most:
                    raise BadJob(
                        f"That is more than {self.most:,} candles.",
                        field="since",
                        remedy="Ask for a shorter range, or a longer resolution.",
                    )
            found.append(series)
        if not len(found[0]):
            raise BadJob(
                f"There are no {wish.resolutions[0]} candles of {wish.instrument} in that range.",
                field="since",
                remedy="`slipway candles`, or GET /api/v1/candles, shows what there is.",
            )
        return [one for one in found if len(one)]

    def _again(self, name: str) -> Supply | None:
        """A file of before, young again, if it is still there."""
        if not name:
            return None
        path = self.folder / f"{name}{SUFFIX}"
        now = self.clock.now().timestamp()
        try:
            os.utime(path, (now, now))
            return Supply(name, path, path.stat().st_size)
        except FileNotFoundError:
            return None

    def _write(self, instrument: str, series: list[Columns]) -> Supply:
        pieces = [
            header(instrument, tuple(Series(one.resolution, len(one)) for one in series)),
            *(_little(column) for one in series for column in one.columns.values()),
        ]
        digest = sha256()
        for piece in pieces:
            digest.update(piece)
        name = digest.hexdigest()
        path = self.file(name)
        self.folder.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}-{next(_numbers)}.part")
        with part.open("wb") as file:
            file.writelines(pieces)
        part.chmod(READABLE if self.for_containers else OURS_ALONE)
        now = self.clock.now().timestamp()
        os.utime(part, (now, now))
        part.replace(path)  # also where it was: it is the same, and young again
        return Supply(name, path, sum(map(len, pieces)))

    def _tidy(self, in_use: Collection[str], before: float) -> None:
        for file in self.folder.glob(f"*{SUFFIX}"):
            if file.stem not in in_use and file.stat().st_mtime < before:
                file.unlink(missing_ok=True)


def _outlines(tx: Tx, wish: CandlesWish) -> tuple[object, ...]:
    span = (wish.since_ms, wish.until_ms)
    return tuple(
        market.outline(tx, wish.instrument, resolution, *span)
        for resolution in RESOLUTIONS
        if resolution in wish.resolutions
    )


def _piece(
    tx: Tx, wish: CandlesWish, resolution: str, since: int, until: int
) -> Sequence[tuple[Any, ...]]:
    assert resolution in RESOLUTIONS
    return market.prices(tx, wish.instrument, resolution, since, until)


def _made(wish: CandlesWish) -> Columns:
    """Of the simulated market, by a seed that never changes: what is checked must not depend on
    when.
    """
    (resolution,) = wish.resolutions
    assert resolution in RESOLUTIONS
    listing, length = BY_ID[wish.instrument], DURATION_MS[resolution]
    series, close = Columns(resolution), float(listing.price)
    made: list[tuple[Any, ...]] = []
    start = open_of(resolution, END_MS - wish.count * length)
    for number in range(wish.count):
        one = candle(listing, SEED, start + number * length, close, resolution)
        close = one.close
        made.append(tuple(getattr(one, name) for name in COLUMNS))
    series.add(made)
    return series


def _little(column: "array[float]") -> bytes:
    """Little endian, whatever this machine is."""
    if sys.byteorder == "big":
        column.byteswap()
    return column.tobytes()
