"""What other slices ask the market: which instruments there are, what time it is there, what was
and what is the price.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from redis.exceptions import RedisError

from control_plane.core.clock import MarketTime
from control_plane.core.ids import InstrumentId
from control_plane.infra.bus import Bus
from control_plane.infra.db import Database, Tx
from control_plane.infra.leases import Leases
from control_plane.market import store
from control_plane.market.errors import OtherPace, UnknownInstrument
from control_plane.market.models import naming
from control_plane.market.models.lag import Lag
from control_plane.market.models.trades import MINUTE_MS
from control_plane.market.service.quotes import kept_ticks
from control_plane.market.service.rates import close_of, rate_of
from control_plane.settings import MarketSettings
from strategy_runtime.rules.instruments import Instrument
from strategy_runtime.wire import names
from strategy_runtime.wire.messages import Candle, Tick
from strategy_runtime.wire.resolutions import Resolution

SIMULATED = "simulated"
__all__ = [
    "SIMULATED",
    "Market",
    "Priced",
    "candles",
    "close_of",
    "conversion",
    "converting",
    "feed_of",
    "instrument",
    "instruments",
    "instruments_among",
    "lag_of",
    "lagging",
    "market_now_ms",
    "market_time",
    "rate_of",
    "refuse_other_pace",
    "resolve",
    "unwant",
    "want",
]


# ---- inside a caller's transaction ---------------------------------------------------------------


def instrument(tx: Tx, identity: str) -> Instrument:
    found = store.find_instrument(tx, identity)
    if found is None:
        raise UnknownInstrument(f"There is no instrument {identity!r}.", field="instrument")
    return found


def instruments(tx: Tx) -> list[Instrument]:
    return store.active_instruments(tx)


def instruments_among(tx: Tx, ids: Collection[str]) -> list[Instrument]:
    """Those of these that can be traded: an exchange lists thousands."""
    return store.active_among(tx, ids)


def converting(tx: Tx) -> list[str]:
    """The ids of what converts the currency that most is priced in."""
    return store.spot_of(tx, "USDT")


def resolve(tx: Tx, text: str) -> InstrumentId:
    """What a person typed, as one instrument; or a refusal that lists the candidates."""
    return naming.resolve(text, store.active_instruments(tx))


def market_time(tx: Tx, identity: str | None = None) -> MarketTime:
    """How time runs in the market of this instrument. Before its feed first ran: as it does
    here.
    """
    found = store.find_time_of(tx, identity) if identity else store.find_time(tx, SIMULATED)
    if found is not None:
        return found
    now = tx.now_ms()
    return MarketTime(now, now)


def market_now_ms(tx: Tx, identity: str | None = None) -> int:
    return market_time(tx, identity).at(tx.now_ms())


def feed_of(tx: Tx, identity: str) -> str | None:
    """Where its prices come from."""
    return store.feed_of(tx, identity)


def lag_of(tx: Tx, identity: str) -> str | None:
    """Why its feed is behind; None if it is not."""
    return store.lag_of(tx, identity)


def lagging(tx: Tx) -> list[Lag]:
    """Every instrument whose feed is behind."""
    return store.lagging(tx)


def conversion(tx: Tx, currency: str, priced_in: str) -> tuple[Decimal, int] | None:
    """At which price an exchange itself converts, and how old that is in milliseconds."""
    found = store.find_rate(tx, currency, priced_in)
    return None if found is None else (found[0], max(0, tx.now_ms() - found[1]))


def refuse_other_pace(tx: Tx, leases: Leases, settings: MarketSettings) -> None:
    """Two processes on one database make one market only if they make it alike."""
    known = store.find_pace(tx, SIMULATED)
    ours = (settings.speed, settings.seed)
    if "simulated" not in settings.feeds or known in (None, ours) or not leases.others(tx):
        return
    speed, seed = known
    raise OtherPace(
        f"Another market process runs this database at speed {speed:g} with seed {seed}, and this "
        f"one would at speed {ours[0]:g} with seed {ours[1]}.",
        field="SLIPWAY_MARKET__SPEED",
        remedy="Give both the same speed and seed, or end the other first.",
    )


def want(
    tx: Tx,
    identity: str,
    resolution: Resolution,
    lookback: int,
    wanted_by: str,
    *,
    bus: Bus | None = None,
) -> None:
    """From now on keep this history on the bus, for `wanted_by`."""
    store.add_want(tx, identity, resolution, lookback, wanted_by)
    _wake(tx, bus)


def unwant(tx: Tx, wanted_by: str, *, bus: Bus | None = None) -> None:
    """Whoever this was reads no history any more."""
    store.remove_wants(tx, wanted_by)
    _wake(tx, bus)


def candles(
    tx: Tx,
    identity: str,
    resolution: Resolution,
    *,
    since_ms: int | None = None,
    until_ms: int | None = None,
    limit: int = 1_000,
) -> list[Candle]:
    """The newest closed candles, oldest first; `until_ms` is the first open time not wanted."""
    return store.latest_candles(
        tx, identity, resolution, limit, since_ms=since_ms, until_ms=until_ms
    )


def prices(
    tx: Tx, identity: str, resolution: Resolution, since_ms: int, until_ms: int
) -> Sequence[tuple[Any, ...]]:
    """Open time, open, high, low, close, volume of each closed candle, oldest first."""
    return store.prices(tx, identity, resolution, since_ms, until_ms)


def outline(
    tx: Tx, identity: str, resolution: Resolution, since_ms: int, until_ms: int
) -> tuple[object, ...]:
    """The same as before if these candles are; far cheaper than they are."""
    return store.outline(tx, identity, resolution, since_ms, until_ms)


def _wake(tx: Tx, bus: Bus | None) -> None:
    if bus is not None:
        tx.after_commit(lambda: bus.hint(names.wake("market")))


# ---- prices now ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Priced:
    """An instrument with its latest price, None before its first trade."""

    instrument: Instrument
    price: Decimal | None
    at_ms: int | None  # market time


@dataclass(frozen=True)
class Market:
    db: Database
    bus: Bus

    async def prices(self) -> list[Priced]:
        listed = await self.db.read(_with_last_minutes)
        ticks = await self._last_ticks([one.instrument.id for one in listed])
        return [_fresher(one, tick) for one, tick in zip(listed, ticks, strict=True)]

    async def last(self, identities: Sequence[InstrumentId]) -> dict[InstrumentId, Decimal]:
        """The latest price of each that has one on the bus."""
        ticks = await self._last_ticks(identities)
        return {one: tick.price for one, tick in zip(identities, ticks, strict=True) if tick}

    async def _last_ticks(self, identities: Sequence[str]) -> Sequence[Tick | None]:
        try:
            return await kept_ticks(self.bus, identities)
        except (RedisError, OSError):
            return [None] * len(identities)  # the last minutes' closes do for a list


def _with_last_minutes(tx: Tx) -> list[Priced]:
    lasts = store.last_closes(tx)
    return [_at_close(listed, lasts.get(listed.id)) for listed in store.active_instruments(tx)]


def _at_close(listed: Instrument, last: tuple[int, float] | None) -> Priced:
    if last is None:
        return Priced(listed, None, None)
    open_ms, close = last
    return Priced(listed, Decimal(repr(close)), open_ms + MINUTE_MS)


def _fresher(listed: Priced, tick: Tick | None) -> Priced:
    if tick is None:
        return listed
    if listed.at_ms is not None and tick.at_ms < listed.at_ms - MINUTE_MS:
        return listed
    return Priced(listed.instrument, tick.price, tick.at_ms)
