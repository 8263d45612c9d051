"""Ids: each its own type, random ones drawn from the Rng that is passed in, natural ones computed.

A computed id is a pure function of what it names, so that a crash, a restart or a replay arrives at
the same one.
"""

from base64 import b32encode
from hashlib import sha256
from typing import NewType, Protocol

Tenant = NewType("Tenant", str)
UserId = NewType("UserId", str)
AccountId = NewType("AccountId", str)
StrategyId = NewType("StrategyId", str)
VersionId = NewType("VersionId", str)
DeploymentId = NewType("DeploymentId", str)
RunId = NewType("RunId", str)
SignalId = NewType("SignalId", str)
SubscriptionId = NewType("SubscriptionId", str)
IntentId = NewType("IntentId", str)
ClientOrderId = NewType("ClientOrderId", str)
OrderId = NewType("OrderId", str)
FillId = NewType("FillId", str)
TradeId = NewType("TradeId", str)
InstrumentId = NewType("InstrumentId", str)
JobId = NewType("JobId", str)
BacktestId = NewType("BacktestId", str)
Shard = NewType("Shard", int)

SHARDS = 64


class Rng(Protocol):
    """Randomness, passed in: a seeded one replays a history, the real one makes secrets."""

    def bytes(self, n: int) -> bytes: ...
    def uniform(self, low: float, high: float) -> float: ...
    def below(self, n: int) -> int: ...


_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
_PAIRS = tuple(a + b for a in _ALPHABET for b in _ALPHABET)
_SHIFTS = tuple(range(120, -1, -10))


def b32(digest: bytes, length: int) -> str:
    return b32encode(digest).decode().lower().rstrip("=")[:length]


def random_id(prefix: str, rng: Rng) -> str:
    """Eighty random bits behind a prefix that says what it names, in letters that fit a channel or
    a label.
    """
    return f"{prefix}{b32(rng.bytes(10), 16)}"


def run_id(rng: Rng) -> RunId:
    return RunId(b32(rng.bytes(16), 26))


def shard_of(value: str) -> Shard:
    return Shard(sha256(value.encode()).digest()[0] % SHARDS)


def signal_id(
    deployment: DeploymentId, instrument: InstrumentId, trigger: str, kind: str
) -> SignalId:
    """The cause of a decision names it, never the message: deciding again gives the same id."""
    return SignalId("sg" + _hashed("sig", deployment, instrument, trigger, kind))


def intent_id(signal: str, subscription: SubscriptionId, leg: str, gen: int) -> IntentId:
    return IntentId(_hashed("int", signal, subscription, leg, str(gen)))


def trade_id(entry: IntentId) -> TradeId:
    """A trade is known before its first fill: an exit may have to name it."""
    return TradeId("td" + _hashed("trade", entry))


def client_order_id(intent: IntentId, leg: str, number: int = 0) -> ClientOrderId:
    """Found again at the exchange after any crash. `number` counts re-pricings of one intent, never
    attempts.
    """
    suffix = b32(number.to_bytes(2, "big"), 4) if number else ""
    return ClientOrderId(f"a1{leg[0]}{intent}{suffix}")


def _hashed(*parts: str) -> str:
    """The first 26 letters of the digest in base 32, two at a time: a fan-out makes thousands."""
    digest = sha256("\0".join(parts).encode()).digest()
    bits = int.from_bytes(digest[:17], "big") >> 6
    return "".join([_PAIRS[bits >> shift & 1023] for shift in _SHIFTS])
