"""The queue of jobs, and what each of its two sides records: who runs them, and who hears them."""

from control_plane.jobs.service.queueing import (
    add,
    cancel,
    find,
    forget,
    headlines,
    listed,
    newest_of,
    result,
)
from control_plane.jobs.service.use_cases import Jobs

__all__ = ["Jobs", "add", "cancel", "find", "forget", "headlines", "listed", "newest_of", "result"]
