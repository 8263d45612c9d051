"""What a deployment saw and decided, asked of the Slipway that ran it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

from control_plane.cli.feeding import candle_of
from control_plane.cli.session import MOST, Api, find_deployment
from control_plane.client import calls
from control_plane.core.clock import from_ms, ms
from strategy_runtime.wire.messages import Candle
from strategy_runtime.wire.resolutions import trigger_open

if TYPE_CHECKING:
    from strategy_runtime.backtest.comparing import Recorded

CANDLES_PAGE = 1_000
MOST_CANDLES = 500_000  # of one resolution, for a backtest
KEPT = 1_000  # candles that the bus keeps beside the longest look-back: containers warm up on them


@dataclass(frozen=True)
class Voyage:
    """One deployment's history, since its code was last changed."""

    deployment: Mapping[str, Any]
    code: str
    manifest: Mapping[str, Any]
    lookback: int
    since: datetime | None  # when another version ended; None if there was no other
    recorded: "Mapping[str, Recorded]"
    candles: Mapping[str, list[Candle]]


async def voyage(api: Api, name: str) -> Voyage:
    one = await find_deployment(api, name)
    version = await api.send(calls.get_version(version_id=one["version_id"]))
    events = await api.all(
        calls.list_history(deployment_id=one["id"], kind="deployment_changed", limit=MOST)
    )
    changes = [event["at"] for event in events if not event["body"].get("decides_alike")]
    since = datetime.fromisoformat(max(changes)) if changes else None
    recorded = await _recorded(api, one["id"], since)
    outline = version["outline"]
    candles = {}
    if recorded:
        opens = [trigger_open(trigger) for trigger in recorded]
        for resolution in (one["resolution"], *one["resolutions"]):
            candles[resolution] = await _candles(
                api,
                one["instrument"],
                resolution,
                min(opens),
                max(opens),
                outline["lookback"] + KEPT,
            )
    return Voyage(
        one, version["code"], version["manifest"], outline["lookback"], since, recorded, candles
    )


async def _recorded(api: Api, deployment: str, since: datetime | None) -> "dict[str, Recorded]":
    from strategy_runtime.backtest.comparing import Recorded, Said, first_line

    def level(text: str | None) -> Decimal | None:
        return None if text is None else Decimal(text)

    said: dict[str, list[tuple[str, Said]]] = {}
    for row in await api.all(calls.list_signals(deployment_id=deployment, limit=MOST)):
        signal = Said(
            row["action"],
            Decimal(row["price"]),
            level(row["stop_loss"]),
            level(row["take_profit"]),
            row["reason"],
        )
        said.setdefault(row["trigger"], []).append((row["kind"], signal))
    found = {}
    for execution in await api.all(calls.list_executions(deployment_id=deployment, limit=MOST)):
        if since is None or datetime.fromisoformat(execution["committed_at"]) > since:
            # An exit comes before the entry that it makes room for.
            signals = sorted(said.get(execution["trigger"], []), key=lambda item: item[0] != "exit")
            told = tuple(signal for _, signal in signals)
            found[execution["trigger"]] = Recorded(
                cast("Any", execution["outcome"]), told, first_line(execution["error"])
            )
    return found


async def _candles(
    api: Api, instrument: str, resolution: str, first_ms: int, last_ms: int, before: int
) -> list[Candle]:
    """From so many candles before the first trigger on, up to the last."""
    found: list[Candle] = []
    wanted_before, until_ms = before, last_ms + 1
    while True:
        asked = calls.list_candles(
            instrument=instrument,
            resolution=cast("Any", resolution),
            limit=CANDLES_PAGE,
            before=from_ms(until_ms).isoformat(),
        )
        rows = await api.rows(asked)
        page = [candle_of(row, resolution) for row in rows]
        found = page + found
        early = sum(one.open_ms < first_ms for one in found)
        if len(page) < CANDLES_PAGE or early >= wanted_before:
            return found[max(0, early - wanted_before) :]
        until_ms = page[0].open_ms


async def every(api: Api, instrument: str, resolution: str) -> list[Candle]:
    """All that a Slipway has of them, oldest first."""
    found: list[Candle] = []
    before: str | None = None
    while True:
        asked = calls.list_candles(
            instrument=instrument,
            resolution=cast("Any", resolution),
            limit=CANDLES_PAGE,
            before=before,
        )
        page = [candle_of(row, resolution) for row in await api.rows(asked)]
        found = page + found
        if len(page) < CANDLES_PAGE or len(found) >= MOST_CANDLES:
            return found
        before = from_ms(page[0].open_ms).isoformat()


def moment(at: datetime) -> str:
    return from_ms(ms(at)).strftime("%d %b %H:%M:%S UTC")
