# rows: S23
# tries: the SDK changed under its own feet: what it may do does not change
# expect: runs
from strategy_runtime import BaseStrategy

import strategy_runtime.wire.messages as messages

for name in ("MAX_FRAME_BYTES", "VERSION"):
    setattr(messages, name, 10**9)


class Hostile(BaseStrategy):
    def on_candle(self, candle):
        type(self).long = lambda *args, **kwargs: None
        return None
