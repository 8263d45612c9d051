"""What may be wrong with a wish for a job."""

from control_plane.errors import Conflict, Invalid, Missing


class NoSuchJob(Missing):
    pass


class BadJob(Invalid):
    """A field of what was asked that cannot be."""


class TooManyJobs(Conflict):
    """So many of one owner wait already."""


class JobOver(Conflict):
    """It has ended: there is nothing left to cancel."""
