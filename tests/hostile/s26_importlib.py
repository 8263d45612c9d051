# rows: S26 S8
# tries: native calls, by a module that is imported under another name
# expect: result EPERM
import importlib

from strategy_runtime import BaseStrategy

native = importlib.import_module("ct" + "ypes")
numbers = importlib.import_module("err" + "no").errorcode
libc = native.CDLL(None, use_errno=True)
libc.syscall(101, 0, 0, 0, 0)
print("RESULT", numbers[native.get_errno()])


class Hostile(BaseStrategy):
    def on_candle(self, candle):
        return None
