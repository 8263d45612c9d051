"""Structured logs: for people on a terminal, one JSON object a line otherwise. A secret is never
printed.

Secrets that the process knows are registered, and every line is searched for them before it leaves.
"""

import logging
import sys
from typing import TYPE_CHECKING, Any, TextIO

import msgspec
from loguru import logger

if TYPE_CHECKING:
    from loguru import Message, Record

_secrets: set[str] = set()
MASK = "***"
SHORTEST_SECRET = 6


def hide(secret: str) -> None:
    """From now on this text never appears in a log line."""
    if len(secret) >= SHORTEST_SECRET:
        _secrets.add(secret)


def configure(level: str, *, stream: TextIO = sys.stderr, as_json: bool | None = None) -> None:
    logger.remove()
    if as_json if as_json is not None else not stream.isatty():
        logger.add(
            lambda message: _write(stream, _as_json(message)),
            level=level,
            diagnose=False,
            backtrace=False,
        )
    else:
        logger.add(
            lambda message: _write(stream, str(message)),
            level=level,
            diagnose=False,  # would print the values of locals
            backtrace=False,
            colorize=True,
            format=_for_people,
        )
    logging.basicConfig(handlers=[_Forward()], level=logging.WARNING, force=True)


def masked(text: str) -> str:
    for secret in _secrets:
        text = text.replace(secret, MASK)
    return text


def _write(stream: TextIO, line: str) -> None:
    stream.write(masked(line))
    stream.flush()


def _for_people(record: "Record") -> str:
    fields = "".join(f" <dim>{key}=</dim>{{extra[{key}]}}" for key in record["extra"])
    return (
        "<dim>{time:HH:mm:ss.SSS}</dim> <level>{level: <7}</level> {message}"
        + fields
        + "\n{exception}"
    )


def _as_json(message: "Message") -> str:
    record = message.record
    line: dict[str, Any] = {
        "at": record["time"].isoformat(),
        "level": record["level"].name,
        "event": record["message"],
        **{key: _plain(value) for key, value in record["extra"].items()},
    }
    if record["exception"] is not None:
        line["exception"] = str(message).split("\n", 1)[-1]
    return msgspec.json.encode(line).decode() + "\n"


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool | None) else str(value)


class _Forward(logging.Handler):
    """What libraries log through the standard library joins the same stream."""

    def emit(self, record: logging.LogRecord) -> None:
        logger.bind(logger=record.name).opt(exception=record.exc_info).log(
            record.levelname if record.levelname in {"WARNING", "ERROR", "CRITICAL"} else "DEBUG",
            record.getMessage(),
        )
