"""What people type for an instrument, and which one they mean."""

from collections.abc import Sequence

from control_plane.core.ids import InstrumentId
from control_plane.market.errors import UnclearInstrument
from strategy_runtime.rules.instruments import Instrument

SHOWN = 8


def resolve(text: str, known: Sequence[Instrument]) -> InstrumentId:
    """`BTCINR`, `BTC/USDT`, `I-BTC_INR`, `fut:BTCUSDT` or a whole id: one instrument, or a refusal
    that lists the candidates.
    """
    kind, _, rest = text.strip().upper().rpartition(":")
    wanted = _plain(rest)
    found = [
        instrument
        for instrument in known
        if wanted
        and kind in {"", instrument.kind.upper()}
        and wanted in {_plain(instrument.pair), _plain(instrument.base + instrument.quote)}
    ]
    if len(found) == 1:
        return InstrumentId(found[0].id)
    if found:
        raise UnclearInstrument(
            f"{text!r} names {len(found)} instruments.",
            field="instrument",
            remedy=f"Say which: {_listed(found)}.",
        )

    close = [i for i in known if wanted and wanted[:3] == _plain(i.base)[:3]] or list(known)
    raise UnclearInstrument(
        f"There is no instrument {text!r}.",
        field="instrument",
        remedy=f"There are {_listed(close)}." if close else "No feed lists any yet.",
    )


def _plain(text: str) -> str:
    return "".join(letter for letter in text.upper() if letter.isalnum())


def _listed(instruments: Sequence[Instrument]) -> str:
    names = sorted(instrument.id for instrument in instruments)
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
