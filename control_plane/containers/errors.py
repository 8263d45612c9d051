"""What an engine may answer instead of doing as asked.

EngineUnreachable   no answer: what runs is unknown, never gone
LaunchFailed        it answered, and this container could not be made; trying again may help
LaunchRefused       we ourselves will not launch this; only a person changes that
"""

from control_plane.errors import Forbidden, Unavailable


class EngineUnreachable(Unavailable):
    pass


class LaunchFailed(Unavailable):
    pass


class LaunchRefused(Forbidden):
    pass
