# rows: S16
# tries: higher limits than it was given
# expect: result ValueError ValueError
import resource

from strategy_runtime import BaseStrategy


def raised(kind):
    try:
        resource.setrlimit(kind, (10_000, 10_000))
    except (ValueError, OSError) as error:
        return type(error).__name__
    return "DONE"


print("RESULT", raised(resource.RLIMIT_NOFILE), raised(resource.RLIMIT_CORE))


class Hostile(BaseStrategy):
    def on_candle(self, candle):
        return None
