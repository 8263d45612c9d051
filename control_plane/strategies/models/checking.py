"""The static check of a strategy's text. Runs as the main program of a throw-away process with
limits: a text can be built to break whatever reads it.
"""

import ast
import resource
import sys
from typing import Any

import msgspec
from msgspec import Struct

from control_plane.strategies.models import older
from control_plane.strategies.models.findings import MAX_FINDINGS, Finding, first_error
from control_plane.strategies.models.forbidden import look
from control_plane.strategies.models.outline import DEFAULT_LOOKBACK, MAX_LOOKBACK, Outline
from control_plane.strategies.models.reading import Reading
from strategy_runtime.wire.resolutions import RESOLUTIONS

CPU_SECONDS = 2
MEMORY_BYTES = 512 * 1024 * 1024
DEADLINE_SECONDS = 10.0
MAX_CODE_BYTES = 256 * 1024
MAX_MANIFEST_BYTES = 64 * 1024
MAX_REPORT_BYTES = 1024 * 1024

UNREADABLE = Finding(
    "syntax",
    "The text cannot be read within the limits: it is nested too deeply, or too large.",
    "Break long expressions up.",
)
_MANIFEST_KINDS: dict[str, type | tuple[type, ...]] = {
    "instrument": str,
    "pair": str,
    "resolution": str,
    "lookback_period": int,
    "custom_params": dict,
}


_RETYPE = "Python cannot read it here: look at this line and the one before."


class Job(Struct, frozen=True):
    code: str
    manifest: dict[str, Any]


class Report(Struct, frozen=True):
    outline: Outline
    findings: list[Finding]

    @property
    def passed(self) -> bool:
        return first_error(self.findings) is None


def check(code: str, manifest: dict[str, Any]) -> Report:
    """Every finding at once, in the order of the file."""
    text = code.removeprefix("\ufeff")
    try:
        tree = ast.parse(text)
        compile(tree, "strategy.py", "exec", dont_inherit=True)  # a `return` outside of a function
    except SyntaxError as error:
        message = f"The file does not parse: {error.msg}."
        line = error.lineno or 0
        column = error.offset or _first_column(text, line)
        return Report(Outline(), [Finding("syntax", message, _RETYPE, line, column)])
    except ValueError as error:
        message = f"The file does not parse: {error}."
        return Report(Outline(), [Finding("syntax", message, _RETYPE)])

    reading = Reading(tree)
    outline = _with_manifest(reading.outline(), manifest, reading)
    found = sorted(
        {*reading.findings, *look(tree)}, key=lambda f: (f.severity, f.line, f.column, f.message)
    )
    return Report(outline, found[:MAX_FINDINGS])


def _first_column(text: str, line: int) -> int:
    rows = text.splitlines()
    row = rows[line - 1] if 0 < line <= len(rows) else ""
    return len(row) - len(row.lstrip()) + 1 if row else 0


def _with_manifest(outline: Outline, manifest: dict[str, Any], reading: Reading) -> Outline:
    """What its author wrote beside the code wins over the class' attributes."""
    for name, kind in _MANIFEST_KINDS.items():
        if name in manifest and not isinstance(manifest[name], kind):
            reading.say(
                None,
                "manifest",
                f"The manifest's {name} has the wrong type.",
                "Names are texts, lookback_period is a whole number, custom_params an object.",
            )
            return outline
    resolution = manifest.get("resolution") or outline.resolution
    if resolution not in ("", *RESOLUTIONS):
        offered = ", ".join(RESOLUTIONS)
        message = f"The manifest's resolution is none of {offered}."
        reading.say(None, "manifest", message, "Write one of them, or leave it out.")
    lookback = manifest.get("lookback_period") or outline.lookback or DEFAULT_LOOKBACK
    if not 0 < lookback <= MAX_LOOKBACK:
        message = f"The manifest's lookback_period is not 1 to {MAX_LOOKBACK}."
        reading.say(None, "manifest", message, "Ask for as many candles as it looks back at.")
    return msgspec.structs.replace(
        outline,
        instrument=manifest.get("instrument") or manifest.get("pair") or outline.instrument,
        resolution=resolution,
        lookback=lookback,
        parameters=(
            outline.parameters
            if outline.style == "on_candle"
            else older.parameters(manifest.get("custom_params"))
        ),
    )


def main() -> None:
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=Job)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    try:
        report = check(job.code, job.manifest)
    except (RecursionError, MemoryError):
        report = Report(Outline(), [UNREADABLE])
    sys.stdout.buffer.write(msgspec.json.encode(report))
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
