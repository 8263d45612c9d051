"""What a live connection refuses, and how it ends."""

from control_plane.errors import Forbidden, Invalid, SlipwayError, Unavailable


class BadMessage(Invalid):
    """It cannot be read, or asks for what is not there."""


class NotShown(Forbidden):
    """The caller may not see this."""


class TooMany(Unavailable):
    """As many are open as may be."""


class Ended(SlipwayError):
    """The connection ends here: with a code, a sentence, and what to do."""

    def __init__(self, code: int, what: str, *, remedy: str) -> None:
        super().__init__(what, remedy=remedy)
        self.code = code
