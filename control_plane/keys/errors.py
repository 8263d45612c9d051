"""What broker keys refuse."""

from control_plane.errors import Conflict, Forbidden, Missing


class NoKey(Missing):
    """No broker key is kept for this account."""


class KeyTampered(Forbidden):
    """What is kept is not what was sealed for this account: moved, rolled back or changed."""


class NotLive(Conflict):
    """A paper account trades without a key."""
