"""What may be wrong with a wish for a backtest."""

from control_plane.errors import Conflict, Invalid, Missing


class NoSuchBacktest(Missing):
    pass


class BadBacktest(Invalid):
    """A field of what was asked that cannot be."""


class NoResult(Conflict):
    """It has none yet, or will never have one."""
