"""The candles that a market keeps for warming up and for filling gaps, oldest first."""

from collections.abc import AsyncIterator, Callable

from strategy_runtime.feeds.resp import Connection
from strategy_runtime.wire import names
from strategy_runtime.wire.messages import BadFrame, Candle, decode_candle

PAGE = 500


async def history(
    commands: Connection,
    instrument: str,
    resolution: str,
    after_ms: int,
    *,
    say: Callable[..., None],
) -> AsyncIterator[Candle]:
    stream = names.history(instrument, resolution)
    start = f"({after_ms}" if after_ms >= 0 else "-"
    while entries := await commands.call("XRANGE", stream, start, "+", "COUNT", PAGE):
        for number, fields in entries:
            try:
                yield decode_candle(dict(zip(fields[::2], fields[1::2], strict=True))[b"c"])
            except (BadFrame, KeyError, ValueError) as error:
                say("bad_frame", stream=stream, entry=number.decode(), why=error)
        start = f"({entries[-1][0].decode()}"
