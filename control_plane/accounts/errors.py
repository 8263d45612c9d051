"""What accounts refuse."""

from control_plane.errors import Conflict, Forbidden, Invalid, Missing


class NoSuchAccount(Missing):
    pass


class NameTaken(Conflict):
    pass


class WeakPassword(Invalid):
    pass


class WrongPassword(Forbidden):
    pass


class PasswordMustChange(Forbidden):
    """Signed in with a one-time password: good for choosing another, for nothing else."""


class NoPaper(Conflict):
    """Only play money can be given back."""


class AccountBusy(Conflict):
    """A position is open in it."""
