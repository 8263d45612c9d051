"""What signing in refuses."""

from control_plane.errors import Conflict, Forbidden, Invalid, Missing


class NoSuchSession(Missing):
    pass


class NoSuchToken(Missing):
    pass


class WrongProof(Invalid):
    """A link from a letter that is used, too old, or was never sent."""


class SignUpClosed(Forbidden):
    pass


class StepUpNeeded(Forbidden):
    """Signed in, but too long ago for this."""


class NotYours(Forbidden):
    """The role or the token's scopes do not reach this far."""


class FactorStands(Conflict):
    """A second factor is there already, or is not."""


class WrongCode(Invalid):
    pass


class BadEmail(Invalid):
    pass


class NoSuchUser(Missing):
    pass


class LastAdmin(Conflict):
    """Somebody must be able to administer."""
