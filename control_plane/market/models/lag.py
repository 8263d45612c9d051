"""An instrument whose feed is behind."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Lag:
    instrument: str
    feed: str
    reason: str
    since_ms: int
