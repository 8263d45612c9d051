"""What nobody outside of the venue knows for certain, as switches with two settings each.

A client passes its tests under both settings of every one of them, so that it rests on none.
"""

from dataclasses import dataclass, fields, replace
from typing import Literal


@dataclass(frozen=True)
class Switches:
    window_ms: int = 10_000
    skew_ms: int = 0  # how far the venue's clock is ahead of the true one
    stale_reads: Literal["timestamp", "credentials"] = "timestamp"
    duplicate_status: Literal[422, 400] = 422
    duplicate_accepted: bool = False
    unknown_order: Literal[404, 422] = 404
    funds_status: Literal[400, 422] = 400
    batch: Literal["each", "all"] = "each"
    created_as: Literal["init", "open"] = "init"
    init_cancellable: bool = False
    remaining_after_cancel: Literal["kept", "zero"] = "kept"
    ids: Literal["text", "number"] = "text"
    dates: Literal["ms", "iso"] = "ms"
    numbers: Literal["number", "text"] = "number"
    nulls: Literal["null", "None"] = "null"
    echo: bool = True
    ack_status: Literal["word", "number"] = "word"
    balance_includes_locked: bool = False
    spot_stops: bool = True
    fee_in_base: bool = False
    inline_stops: Literal["kept", "dropped", "refused"] = "kept"
    limits_on: bool = True
    limits_by: Literal["key", "address"] = "key"
    futures_page: int = 100
    notification_required: bool = True
    private_spot: Literal["spot", "stream"] = "spot"  # the host of the private spot feed
    match_delay_ms: int = 20  # an order is matched so long after its reply


# The other setting of each switch, for tests that flip one at a time.
FLIPPED: dict[str, object] = {
    "stale_reads": "credentials",
    "duplicate_status": 400,
    "unknown_order": 422,
    "funds_status": 422,
    "batch": "all",
    "created_as": "open",
    "init_cancellable": True,
    "remaining_after_cancel": "zero",
    "ids": "number",
    "dates": "iso",
    "numbers": "text",
    "nulls": "None",
    "echo": False,
    "ack_status": "number",
    "balance_includes_locked": True,
    "spot_stops": False,
    "fee_in_base": True,
    "inline_stops": "dropped",
    "limits_by": "address",
    "futures_page": 2,
    "notification_required": False,
    "private_spot": "stream",
    "match_delay_ms": 0,
}

# Where a switch has more than two.
THIRD: tuple[tuple[str, object], ...] = (("inline_stops", "refused"),)


def every_setting() -> list[tuple[str, Switches]]:
    """The defaults, each switch flipped alone, and all of them flipped at once."""
    defaults = Switches()
    alone = [(name, replace(defaults, **{name: other})) for name, other in FLIPPED.items()]  # type: ignore[arg-type]
    thirds = [(f"{name} {other}", replace(defaults, **{name: other})) for name, other in THIRD]  # type: ignore[arg-type]
    flipped = replace(defaults, **FLIPPED)  # type: ignore[arg-type]
    return [("defaults", defaults), *alone, *thirds, ("all flipped", flipped)]


def switched(**changes: object) -> Switches:
    known = {each.name for each in fields(Switches)}
    if unknown := changes.keys() - known:
        raise ValueError(f"no such switch: {', '.join(sorted(unknown))}")
    return replace(Switches(), **changes)  # type: ignore[arg-type]
