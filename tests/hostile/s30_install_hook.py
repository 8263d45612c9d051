# rows: S30
# tries: a package of its own, installed while it runs
# expect: result none 1
import importlib.util
import subprocess
import sys

from strategy_runtime import BaseStrategy

pip = importlib.util.find_spec("pip") or importlib.util.find_spec("ensurepip")
asked = subprocess.run([sys.executable, "-m", "pip", "install", "evil"], capture_output=True)
print("RESULT", "none" if importlib.util.find_spec("pip") is None else pip, asked.returncode)


class Hostile(BaseStrategy):
    def on_candle(self, candle):
        return None
