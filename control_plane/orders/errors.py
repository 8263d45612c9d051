"""What the orders slice refuses."""

from control_plane.errors import Conflict, Invalid, Missing


class NoSuchScope(Invalid):
    """A halt must say what it covers."""


class NoSuchTrade(Missing):
    pass


class NoSuchIntent(Missing):
    pass


class NoSuchHalt(Missing):
    pass


class NotQuarantined(Conflict):
    """Only what nobody could find out is for a person to decide."""
