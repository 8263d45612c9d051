# rows: S1
# tries: a program of its own, written to the one folder that it can write
# expect: result EACCES EACCES
import errno
import os

from strategy_runtime import BaseStrategy


def code(call, *args):
    try:
        call(*args)
    except OSError as error:
        return errno.errorcode.get(error.errno, "OSError")
    return "DONE"


for name in ("script", "program"):
    with open(f"/tmp/{name}", "wb") as file:
        file.write(b"#!/bin/true\n" if name == "script" else open("/proc/self/exe", "rb").read(4096))
    os.chmod(f"/tmp/{name}", 0o755)
print("RESULT", code(os.execv, "/tmp/script", ["x"]), code(os.execv, "/tmp/program", ["x"]))


class Hostile(BaseStrategy):
    def on_candle(self, candle):
        return None
