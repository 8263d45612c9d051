# rows: S1
# tries: another interpreter, outside of the runtime: it is in the same box
# expect: result 10001 EPERM
import subprocess
import sys

from strategy_runtime import BaseStrategy

PROGRAM = """
import errno, os, socket
try:
    socket.socket()
    said = "DONE"
except OSError as error:
    said = errno.errorcode[error.errno]
print(os.getuid(), said)
"""
print("RESULT", subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True).stdout.strip())


class Hostile(BaseStrategy):
    def on_candle(self, candle):
        return None
