"""What the use cases of deployments refuse."""

from control_plane.errors import Conflict, Invalid, Missing


class NoSuchDeployment(Missing):
    pass


class BadDeployment(Invalid):
    """A field of the request that cannot be."""


class WrongState(Conflict):
    """The deployment is in a state that forbids it."""
