"""What signals can refuse."""

from control_plane.errors import Missing


class NoSuchSignal(Missing):
    pass
