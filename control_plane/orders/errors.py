"""What the orders slice refuses."""

from control_plane.errors import Invalid, Missing


class NoSuchScope(Invalid):
    """A halt must say what it covers."""


class NoSuchTrade(Missing):
    pass


class NoSuchIntent(Missing):
    pass


class NoSuchHalt(Missing):
    pass
