"""The check in a process of its own, which may die of what it reads."""

import asyncio
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from control_plane.strategies.models.checking import (
    DEADLINE_SECONDS,
    MAX_REPORT_BYTES,
    UNREADABLE,
    Job,
    Report,
)
from control_plane.strategies.models.outline import Outline

ROOT = Path(__file__).parents[3]


async def check_apart(code: str, manifest: Mapping[str, Any]) -> Report:
    """A process that dies, or takes too long, has told enough."""
    start = (
        "import sys; sys.path.insert(0, sys.argv[1]);"
        " from control_plane.strategies.models.checking import main; main()"
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-c", start, str(ROOT)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={},
    )
    answer = b""
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            answer, _ = await process.communicate(msgspec.json.encode(Job(code, dict(manifest))))
    except TimeoutError:
        pass
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode != 0 or len(answer) > MAX_REPORT_BYTES:
        return Report(Outline(), [UNREADABLE])
    return msgspec.json.decode(answer, type=Report)
