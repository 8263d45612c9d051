"""Frames as a hostile process might make them, for properties."""

from typing import Any

import msgspec
from hypothesis import strategies as st

ODD_NUMBERS = st.one_of(
    st.integers(-(10**30), 10**30),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([0, -1, 2**31, 2**53, 2**63, 2**64, 10**400]),
)
ODD_PRICES = st.one_of(
    ODD_NUMBERS,
    st.sampled_from(["NaN", "sNaN", "Infinity", "-Infinity", "1e999999", "1E-999999", "0", "x"]),
    st.decimals().map(str),
)
ODD_TEXTS = st.one_of(
    st.text(max_size=40), st.sampled_from(["\0", "\x1b[2J", "\u202e", "é" * 3_000])
)
JSON = st.recursive(
    st.none() | st.booleans() | ODD_NUMBERS | ODD_TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ODD_TEXTS, inner, max_size=3),
    max_leaves=8,
)
RUNS = st.one_of(st.just("run-00000001"), ODD_TEXTS)
TRIGGERS = st.one_of(
    st.integers(0, 20).map(lambda k: f"1m:{(29_000_000 + k) * 60_000}"),
    st.sampled_from(["", "1m", "1m:", "tick:0", "5m:0", "1m:-60000", "1m:1", "1m:" + "9" * 16]),
    ODD_TEXTS,
)


def _spoilt(
    sane: st.SearchStrategy[dict[str, Any]], odd: dict[str, st.SearchStrategy[Any]]
) -> st.SearchStrategy[dict[str, Any]]:
    """Sane for the most part, so that what is odd gets far."""
    bad = st.fixed_dictionaries({}, optional=odd)
    few = st.one_of(st.just({}), st.just({}), bad.map(lambda found: dict(list(found.items())[:2])))
    return st.builds(lambda good, wrong: {**good, **wrong}, sane, few)


PRICES = st.decimals(min_value=1, max_value=1_000, places=2).map(str)
SIGNALS = _spoilt(
    st.fixed_dictionaries(
        {
            "action": st.sampled_from(["LONG", "SHORT", "EXIT_LONG", "EXIT_SHORT"]),
            "price": PRICES,
        }
    ),
    {
        "price": ODD_PRICES,
        "stop_loss": st.one_of(PRICES, ODD_PRICES),
        "take_profit": st.one_of(PRICES, ODD_PRICES),
        "reason": ODD_TEXTS,
    },
)
POSITIONS = _spoilt(
    st.just({}),
    {
        "side": st.sampled_from(["LONG", "SHORT", None]),
        "entry_price": ODD_NUMBERS,
        "entry_ms": ODD_NUMBERS,
        "stop_loss": ODD_NUMBERS,
        "pending": st.lists(SIGNALS, max_size=3),
        "exit_due": st.sampled_from(["LONG", "SHORT", None]),
    },
)
STATES = st.dictionaries(st.text(max_size=5), JSON, max_size=3)
EXECUTIONS = _spoilt(
    st.fixed_dictionaries(
        {
            "type": st.just("execution"),
            "run": st.just("run-00000001"),
            "n": st.integers(0, 10_000),
            "trigger": st.integers(0, 90).map(lambda k: f"1m:{(29_000_000 + k) * 60_000}"),
            "outcome": st.just("signal"),
            "took_us": st.just(1),
            "published_ms": st.just(1),
            "decided_ms": st.just(1),
            "position": POSITIONS,
            "signals": st.lists(SIGNALS, min_size=1, max_size=1),
            "state": STATES,
        }
    ),
    {
        "run": RUNS,
        "n": ODD_NUMBERS,
        "trigger": TRIGGERS,
        "outcome": st.sampled_from(["none", "failed", "skipped"]),
        "took_us": ODD_NUMBERS,
        "published_ms": ODD_NUMBERS,
        "decided_ms": ODD_NUMBERS,
        "signals": st.lists(SIGNALS, max_size=3),
        "state": JSON,
        "error": ODD_TEXTS,
    },
)
HELLOS = _spoilt(
    st.just({"type": "hello", "run": "run-00000001", "started_ms": 1, "code_sha256": "c0de"}),
    {"run": RUNS, "started_ms": ODD_NUMBERS, "code_sha256": ODD_TEXTS},
)
COUNTERS = ("lag_ms", "loop_lag_ms", "rss_bytes", "cpu_seconds", "waiting", "dropped", "at_ms")
BEATS = _spoilt(
    st.just(
        {
            "type": "heartbeat",
            "run": "run-00000001",
            "phase": "running",
            "last_trigger": None,
            **dict.fromkeys(COUNTERS, 1),
        }
    ),
    {"run": RUNS, "last_trigger": TRIGGERS, **dict.fromkeys(COUNTERS, ODD_NUMBERS)},
)
LINES = _spoilt(
    st.just({"at_ms": 1, "level": "info", "text": "a line"}),
    {"at_ms": ODD_NUMBERS, "text": ODD_TEXTS, "level": ODD_TEXTS},
)
METRICS = _spoilt(
    st.just({"at_ms": 1, "name": "edge", "value": 0.5}),
    {"at_ms": ODD_NUMBERS, "name": ODD_TEXTS, "value": ODD_NUMBERS},
)
NOTES = st.fixed_dictionaries(
    {
        "type": st.just("notes"),
        "run": RUNS,
        "lines": st.lists(LINES, max_size=3),
        "metrics": st.lists(METRICS, max_size=3),
    }
)
BYES = _spoilt(
    st.just({"type": "bye", "run": "run-00000001", "reason": "told to", "waiting": 0}),
    {"run": RUNS, "reason": ODD_TEXTS, "waiting": ODD_NUMBERS},
)


def _encoded(value: Any) -> bytes:
    try:
        return msgspec.json.encode(value)
    except (ValueError, OverflowError):  # an integer that msgspec does not write
        return repr(value).encode("utf-8", "backslashreplace")


MESSAGES = st.one_of(EXECUTIONS, HELLOS, BEATS, NOTES, BYES).map(_encoded)
GARBAGE = st.one_of(
    st.binary(max_size=200),
    JSON.map(_encoded),
    st.sampled_from(
        [
            b"[" * 60_000,
            b'{"type":' * 5_000,
            b'{"type":"hello","type":"bye"}',
            b'{"type":"execution","n":' + b"9" * 5_000 + b"}",
            b'{"type":"bye","run":"\\ud800","reason":""}',
            b"\xff\xfe",
            b"x" * 70_000,
        ]
    ),
)
FRAMES = st.one_of(MESSAGES, GARBAGE)
