"""What this process uses, from the kernel's own books."""

import os
import resource

PAGE_BYTES = resource.getpagesize()
STATM = "/proc/self/statm"


def rss_bytes() -> int:
    try:
        with open(STATM, encoding="ascii") as books:
            return int(books.read().split()[1]) * PAGE_BYTES
    except (OSError, ValueError, IndexError):
        # No /proc, as on an author's own Mac: the peak is the nearest thing.
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def cpu_seconds() -> float:
    return round(sum(os.times()[:4]), 3)
