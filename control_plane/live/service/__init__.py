"""Live connections: what happens, as it happens, to whoever may see it."""

from control_plane.live.service.hub import Hub, Peer, Proved

__all__ = ["Hub", "Peer", "Proved"]
