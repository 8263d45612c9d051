# rows: S10 S20
# tries: the kernel's own switches: core_pattern, sysrq, kcore, devices
# expect: result EACCES( ENOENT)?( EPERM)?( EROFS)?
import errno
import os

from strategy_runtime import BaseStrategy


def code(call, *args):
    try:
        call(*args)
    except OSError as error:
        return errno.errorcode.get(error.errno, "OSError")
    return "DONE"


WRITES = [
    "/proc/sys/kernel/core_pattern",
    "/proc/sysrq-trigger",
    "/proc/sys/kernel/modprobe",
    "/proc/sys/vm/overcommit_memory",
    "/sys/kernel/uevent_helper",
    "/sys/fs/cgroup/release_agent",
    "/sys/fs/cgroup/memory/release_agent",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes",
    "/sys/fs/cgroup/memory.max",
    "/sys/fs/cgroup/cgroup.procs",
    "/dev/mem",
    "/dev/kmem",
    "/dev/sda",
]
print("RESULT", *sorted({code(open, path, "w") for path in WRITES}))


class Hostile(BaseStrategy):
    def on_candle(self, candle):
        return None
