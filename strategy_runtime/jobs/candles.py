"""The candles of a job: columns of a file that stays where it is, mapped into memory; or, where the
node does not see that file, one of the same bytes from the bus.
"""

import asyncio
import mmap
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

import numpy as np

from strategy_runtime.feeds.resp import Address, BusLost, connected
from strategy_runtime.feeds.timing import Machine, Timing, backoff
from strategy_runtime.sdk.bars import Bars
from strategy_runtime.wire.candles import CELL, COLUMNS, BadCandles, read_header


async def fetch(address: Address, key: str, into: Path, times: Timing, machine: Machine) -> None:
    """What is broken off goes on where it was; BadCandles if for long nothing more comes."""
    try:
        with into.open("wb") as file:
            await _fetch(address, key, file, times, machine)
    except OSError as error:
        raise BadCandles(f"{into} is not there, and cannot be written: {error}") from error


async def _fetch(
    address: Address, key: str, file: BinaryIO, times: Timing, machine: Machine
) -> None:
    why, attempt, count = "it is not there", 0, 0
    patience_us = times.boot * 1_000_000
    until = machine.now_us() + patience_us
    while machine.now_us() < until:
        before = count
        try:
            async with asyncio.timeout(times.boot), connected(address) as bus:
                pieces = await bus.call("LLEN", key)
                while count < pieces:
                    piece = await bus.call("LINDEX", key, count)
                    if piece is None:  # whoever laid it out does so again
                        break
                    file.write(piece)
                    count += 1
                if pieces and count == pieces:
                    return
        except (BusLost, TimeoutError) as error:
            why = str(error) or "no answer"
        if count > before:
            attempt, until = 0, machine.now_us() + patience_us
        first, most = times.reconnect_first, times.reconnect_most
        await machine.sleep(backoff(first, most, attempt, machine.chance()))
        attempt += 1
    raise BadCandles(f"the candles {key} cannot be read: {why}")


def opened(path: Path, expected_sha256: str) -> Mapping[str, Bars]:
    """By resolution. BadCandles if it is not the file that was meant."""
    try:
        with path.open("rb") as file:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:
        raise BadCandles(f"{path} cannot be read: {error}") from error
    found = sha256(data).hexdigest()
    if found != expected_sha256:
        raise BadCandles(f"{path} has the sha256 {found}, not {expected_sha256}")

    header, place = read_header(memoryview(data))
    bars: dict[str, Bars] = {}
    for series in header.series:
        columns = []
        for name in COLUMNS:
            kind = "<i8" if name == "open_ms" else "<f8"
            columns.append(np.frombuffer(data, kind, series.rows, place))
            place += series.rows * CELL
        bars[series.resolution] = Bars(series.resolution, *columns)
    return bars
