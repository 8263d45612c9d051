"""What a deployment saw and decided, asked of the Slipway that ran it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from control_plane.cli.feeding import candle_of
from control_plane.cli.session import Api, find, part
from control_plane.core.clock import from_ms, ms
from control_plane.errors import Invalid
from strategy_runtime.wire.messages import Candle
from strategy_runtime.wire.resolutions import trigger_open

if TYPE_CHECKING:
    from strategy_runtime.backtest.comparing import Recorded

PAGE = 500
CANDLES_PAGE = 1_000
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
    one = await find(api, "/deployments", name, "deployment")
    if one["ticks"]:
        raise Invalid(
            f"{one['name']} decides on ticks, and ticks are not recorded.",
            remedy="Replay one that decides on candles.",
        )
    path = f"/deployments/{part(one['id'])}"
    version = await api.get(f"/versions/{part(one['version_id'])}")
    events = await _all(api, f"{path}/history")
    changes = [
        event["at"]
        for event in events
        if event["kind"] == "deployment_changed" and not event["body"].get("decides_alike")
    ]
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
    for row in await _all(api, "/signals", deployment_id=deployment):
        signal = Said(
            row["action"],
            Decimal(row["price"]),
            level(row["stop_loss"]),
            level(row["take_profit"]),
            row["reason"],
        )
        said.setdefault(row["trigger"], []).append((row["kind"], signal))
    found = {}
    for row in await _all(api, f"/deployments/{part(deployment)}/executions"):
        if since is None or datetime.fromisoformat(row["committed_at"]) > since:
            # An exit comes before the entry that it makes room for.
            signals = sorted(said.get(row["trigger"], []), key=lambda item: item[0] != "exit")
            told = tuple(signal for _, signal in signals)
            found[row["trigger"]] = Recorded(row["outcome"], told, first_line(row["error"]))
    return found


async def _candles(
    api: Api, instrument: str, resolution: str, first_ms: int, last_ms: int, before: int
) -> list[Candle]:
    """From so many candles before the first trigger on, up to the last."""
    found: list[Candle] = []
    wanted_before, until_ms = before, last_ms + 1
    while True:
        rows = (
            await api.get(
                "/candles",
                instrument=instrument,
                resolution=resolution,
                limit=CANDLES_PAGE,
                before=from_ms(until_ms).isoformat(),
            )
        )["items"]
        page = [candle_of(row, resolution) for row in rows]
        found = page + found
        early = sum(one.open_ms < first_ms for one in found)
        if len(page) < CANDLES_PAGE or early >= wanted_before:
            return found[max(0, early - wanted_before) :]
        until_ms = page[0].open_ms


async def _all(api: Api, path: str, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        page = await api.get(path, limit=PAGE, cursor=cursor, **query)
        found += page["items"]
        cursor = page.get("next_cursor")
        if cursor is None:
            return found


def moment(at: datetime) -> str:
    return from_ms(ms(at)).strftime("%d %b %H:%M:%S UTC")
