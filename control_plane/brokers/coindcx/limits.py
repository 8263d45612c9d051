"""How often we may ask: pure, with time passed in.

The venue's limits are counted per key or per address, nobody knows which, in windows whose edges
nobody knows either. So both are kept, each as a window that slides: whatever span the venue takes,
no more than its limit falls into it. A 429 halves what we allow ourselves, on the key and on the
address; quiet brings it back slowly. Lower lanes leave room for higher ones, so that an exit never
waits behind entries.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum

from control_plane.brokers.coindcx.calls import Bucket

SECOND_MS = 1_000
MINUTE_MS = 60_000


class Lane(IntEnum):
    """Who goes first."""

    EXIT = 0
    STOP = 1
    CANCEL = 2
    LOOK_UP = 3
    ENTRY = 4


# How much of each limit a lane may use up; what is left over is for those before it.
SHARES = {Lane.EXIT: 1.0, Lane.STOP: 1.0, Lane.CANCEL: 0.95, Lane.LOOK_UP: 0.85, Lane.ENTRY: 0.7}


@dataclass(frozen=True, slots=True)
class Rates:
    """The venue's limits as far as they are known, and how careful we are with them."""

    per_second: int = 16
    per_minute: int = 960
    active_orders_per_minute: int = 300
    cancel_by_ids_per_minute: int = 300
    cancel_all_per_minute: int = 30
    public_per_second: int = 30
    floor: float = 1 / 16  # never slower than this share, or nothing would protect a position
    recovery_seconds: float = 120.0  # from nothing to all; from half to all in half of it
    protect_ms: int = 10_000  # within which a fill must have its stop
    shares: tuple[float, ...] = tuple(SHARES[lane] for lane in Lane)

    def windows(self, bucket: Bucket) -> tuple[tuple[int, int], ...]:
        """(most, within so many milliseconds) of a route, beside those of all routes together."""
        match bucket:
            case Bucket.ACTIVE_ORDERS:
                return ((self.active_orders_per_minute, MINUTE_MS),)
            case Bucket.CANCEL_BY_IDS:
                return ((self.cancel_by_ids_per_minute, MINUTE_MS),)
            case Bucket.CANCEL_ALL:
                return ((self.cancel_all_per_minute, MINUTE_MS),)
            case Bucket.PUBLIC:
                return ((self.public_per_second, SECOND_MS),)
            case Bucket.GENERAL:
                return ()

    def general(self) -> tuple[tuple[int, int], ...]:
        return ((self.per_second, SECOND_MS), (self.per_minute, MINUTE_MS))


@dataclass(slots=True)
class Window:
    """The last requests within a span, each by its time."""

    most: int
    span_ms: int
    times: deque[int] = field(default_factory=deque)

    def wait_ms(self, now_ms: int, share: float) -> int:
        """How long until one more fits within that share of the limit; 0 is now."""
        self._forget(now_ms)
        allowed = max(1, int(self.most * share))
        if len(self.times) < allowed:
            return 0
        return max(1, self.times[len(self.times) - allowed] + self.span_ms - now_ms)

    def used(self, now_ms: int) -> int:
        self._forget(now_ms)
        return len(self.times)

    def _forget(self, now_ms: int) -> None:
        while self.times and self.times[0] <= now_ms - self.span_ms:
            self.times.popleft()


@dataclass(slots=True)
class Meter:
    """What one key, or one address, has used, and how much of its limits we allow ourselves."""

    factor: float = 1.0
    changed_ms: int = 0
    halved_ms: int = -MINUTE_MS
    windows: dict[tuple[Bucket, int], Window] = field(default_factory=dict)
    by_bucket: dict[Bucket, list[Window]] = field(default_factory=dict)
    promises: deque[tuple[int, int]] = field(default_factory=deque)  # until, calls
    promised: int = 0
    refused: int = 0  # 429s
    seen_ms: int = 0


@dataclass(frozen=True, slots=True)
class Usage:
    """For people: how full a meter is."""

    name: str
    second: int
    second_limit: int
    minute: int
    minute_limit: int
    factor: float
    promised: int
    refused: int


@dataclass
class Limiter:
    rates: Rates = field(default_factory=Rates)
    meters: dict[str, Meter] = field(default_factory=dict)

    def wait_ms(self, now_ms: int, names: tuple[str, ...], bucket: Bucket, lane: Lane) -> int:
        """How long a request by these (its key and its address) has to wait; 0 is not at all."""
        share = self.rates.shares[lane]
        return max(
            window.wait_ms(now_ms, share * self._factor(now_ms, name))
            for name in names
            for window in self._windows(name, bucket)
        )

    def take(self, now_ms: int, names: tuple[str, ...], bucket: Bucket) -> None:
        """It goes out now."""
        for name in names:
            self._meter(name).seen_ms = now_ms
            for window in self._windows(name, bucket):
                window.times.append(now_ms)

    def refused(self, now_ms: int, names: tuple[str, ...]) -> None:
        """A 429 came back. Those that were under way with it halve nothing again."""
        for name in names:
            meter = self._meter(name)
            meter.refused += 1
            factor = self._factor(now_ms, name)
            if now_ms - meter.halved_ms < SECOND_MS:
                continue
            meter.factor = max(self.rates.floor, factor / 2)
            meter.halved_ms = meter.changed_ms = now_ms

    def promise(self, now_ms: int, address: str, calls: int) -> bool:
        """Set calls aside to protect what an entry is about to open; False if the address could
        not send them in time, and then the entry must not leave.
        """
        if not self.could_promise(now_ms, address, calls):
            return False
        meter = self._meter(address)
        meter.promises.append((now_ms + self.rates.protect_ms, calls))
        meter.promised += calls
        return True

    def could_promise(self, now_ms: int, address: str, calls: int) -> bool:
        meter = self._meter(address)
        while meter.promises and meter.promises[0][0] <= now_ms:
            meter.promised -= meter.promises.popleft()[1]
        spans = self.rates.protect_ms / SECOND_MS
        capacity = self.rates.per_second * self._factor(now_ms, address) * spans
        return meter.promised + calls <= capacity

    def usage(self, now_ms: int) -> Iterator[Usage]:
        for name, meter in sorted(self.meters.items()):
            second, minute = self._windows(name, Bucket.GENERAL)
            yield Usage(
                name,
                second.used(now_ms),
                second.most,
                minute.used(now_ms),
                minute.most,
                self._factor(now_ms, name),
                sum(calls for until, calls in meter.promises if until > now_ms),
                meter.refused,
            )

    def forget_idle(self, now_ms: int, idle_ms: int = 10 * MINUTE_MS) -> None:
        """Keys come and go; a meter that is full again and unused says nothing."""
        for name, meter in list(self.meters.items()):
            if now_ms - meter.seen_ms > idle_ms and self._factor(now_ms, name) >= 1:
                del self.meters[name]

    def _factor(self, now_ms: int, name: str) -> float:
        meter = self._meter(name)
        if meter.factor < 1:
            quiet = max(0, now_ms - meter.changed_ms) / SECOND_MS
            meter.factor = min(1.0, meter.factor + quiet / self.rates.recovery_seconds)
        meter.changed_ms = max(meter.changed_ms, now_ms)
        return meter.factor

    def _meter(self, name: str) -> Meter:
        meter = self.meters.get(name)
        if meter is None:
            meter = self.meters[name] = Meter()
        return meter

    def _windows(self, name: str, bucket: Bucket) -> list[Window]:
        meter = self._meter(name)
        if (known := meter.by_bucket.get(bucket)) is not None:
            return known
        limits = [(Bucket.GENERAL, each) for each in self.rates.general()]
        if bucket is Bucket.PUBLIC:
            limits = []
        limits += [(bucket, each) for each in self.rates.windows(bucket)]
        found = []
        for where, (most, span_ms) in limits:
            window = meter.windows.get((where, span_ms))
            if window is None:
                window = meter.windows[where, span_ms] = Window(most, span_ms)
            found.append(window)
        meter.by_bucket[bucket] = found
        return found
