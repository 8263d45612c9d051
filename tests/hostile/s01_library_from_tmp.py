# rows: S1
# tries: native code, loaded from the folder that it can write
# expect: result OSError
import ctypes
import glob
import shutil

from strategy_runtime import BaseStrategy

import _ctypes

shutil.copy(_ctypes.__file__, "/tmp/evil.so")
try:
    ctypes.CDLL("/tmp/evil.so")
    print("RESULT DONE")
except OSError:
    print("RESULT OSError")


class Hostile(BaseStrategy):
    def on_candle(self, candle):
        return None
