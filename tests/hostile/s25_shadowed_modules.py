# rows: S25
# tries: modules of its own under the names of others', where an interpreter would look first
# expect: result False False True
import os
import subprocess
import sys

from strategy_runtime import BaseStrategy

for name in ("json", "sitecustomize", "usercustomize", "strategy_runtime", "numpy"):
    with open(f"/tmp/{name}.py", "w") as file:
        file.write("print('OWNED')\n")
with open("/tmp/evil.pth", "w") as file:
    file.write("import os\n")
isolated = subprocess.run(
    [sys.executable, "-I", "-c", "import json; print(json.__file__)"], capture_output=True, text=True
).stdout
print("RESULT", "/tmp" in sys.path or "" in sys.path, "OWNED" in isolated, bool(sys.flags.isolated))


class Hostile(BaseStrategy):
    def on_candle(self, candle):
        return None
