"""What the market refuses."""

from control_plane.errors import Conflict, Invalid, Missing


class UnknownInstrument(Missing):
    """No feed lists it."""


class UnclearInstrument(Invalid):
    """What a person typed names no instrument, or more than one."""


class OtherPace(Conflict):
    """Another process makes the same markets, at another speed or from another seed."""


class MadeUpPrices(Conflict):
    """A real past has no place beside simulated prices, or the exchange does not keep it."""
