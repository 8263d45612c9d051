"""What travels between the control plane and a strategy's process: message shapes, channel names, limits.

Both sides import this package and nothing else of each other. It holds the standard library and msgspec only.
"""

VERSION = 1
MAX_FRAME_BYTES = 64 * 1024
MAX_STATE_BYTES = 16 * 1024
MAX_CHUNK_BYTES = 48 * 1024
MAX_UNACKNOWLEDGED = 1_000
HEARTBEAT_SECONDS = 5.0

# What one container may say, held by the reader on the other side. The harness keeps itself well below.
FLOOD_FRAMES_PER_SECOND = 50
FLOOD_BYTES_PER_SECOND = 1_000_000
FLOOD_WINDOW_SECONDS = 0.25
PACE_FRAMES_PER_SECOND = 25
PACE_BURST = 5
