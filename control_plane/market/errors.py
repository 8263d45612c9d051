"""What the market refuses."""

from control_plane.errors import Invalid, Missing


class UnknownInstrument(Missing):
    """No feed lists it."""


class UnclearInstrument(Invalid):
    """What a person typed names no instrument, or more than one."""
