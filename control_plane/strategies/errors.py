"""What an upload or a look for a strategy may meet."""

from control_plane.errors import Conflict, Invalid, Missing


class NoSuchStrategy(Missing):
    pass


class BadUpload(Invalid):
    """Refused before anything was stored: too large, no text, a manifest that is no object."""


class NotDeployable(Conflict):
    """The version has not passed its check."""


class StillChecked(Conflict):
    """Its check is under way."""


class BadParameter(Invalid):
    """A value that the version's own declaration does not allow."""
