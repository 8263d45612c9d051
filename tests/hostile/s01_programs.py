# rows: S1
# tries: any program that could help it: shells, compilers, clients, package tools
# expect: result none
import os

from strategy_runtime import BaseStrategy

WANTED = [
    "sh",
    "bash",
    "dash",
    "busybox",
    "gcc",
    "cc",
    "ld",
    "curl",
    "wget",
    "nc",
    "ssh",
    "git",
    "apt",
    "dpkg",
    "pip",
    "pip3",
    "perl",
    "su",
    "sudo",
    "mount",
    "docker",
    "runc",
    "gdb",
    "strace",
]
FOLDERS = ["/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/opt/venv/bin"]
there = sorted({name for name in WANTED for folder in FOLDERS if os.path.exists(f"{folder}/{name}")})
print("RESULT", " ".join(there) or "none")


class Hostile(BaseStrategy):
    def on_candle(self, candle):
        return None
