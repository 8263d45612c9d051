"""What subscriptions can refuse."""

from control_plane.errors import Conflict, Invalid, Missing


class NoSuchSubscription(Missing):
    pass


class NoSuchDeployment(Missing):
    pass


class BadTerms(Invalid):
    pass


class AccountClosed(Conflict):
    """It is suspended or closed: nothing new may be opened in it."""


class AlreadySubscribed(Conflict):
    """This account mirrors the deployment already, or another one trades the same position."""


class NoRoom(Conflict):
    """The exchange's limits let no further live subscriber enter in time."""


class Unfollowable(Conflict):
    """What it decides is not meant for anybody's money."""


class WrongState(Conflict):
    pass


class Changed(Conflict):
    """Somebody else changed it at the same moment."""
