# rows: S26 S1
# tries: a process, without writing one forbidden name
# expect: result FOUND 127
from strategy_runtime import BaseStrategy

base = ().__class__.__bases__[0]
found = [kind for kind in base.__subclasses__() if kind.__name__ == "".join(("Po", "pen"))]
loader = getattr(__builtins__, "__import__", None) or __builtins__["__import__"]
module = loader("".join(("sub", "process")))
made = getattr(module, "ru" + "n")(["/bin/sh", "-c", "id"], capture_output=True) if False else None
try:
    getattr(module, "Po" + "pen")(["/bin/sh", "-c", "id"])
    print("RESULT FOUND 0")
except FileNotFoundError:
    print("RESULT FOUND 127")


class Hostile(BaseStrategy):
    def on_candle(self, candle):
        return None
