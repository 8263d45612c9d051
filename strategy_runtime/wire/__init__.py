"""What travels between the control plane and a strategy's process: shapes, names, limits.

Both sides import this package and nothing else of each other. It holds the standard library and
msgspec only.
"""

VERSION = 1
MAX_FRAME_BYTES = 64 * 1024
MAX_STATE_BYTES = 16 * 1024
MAX_CHUNK_BYTES = 48 * 1024
MAX_UNACKNOWLEDGED = 1_000
HEARTBEAT_SECONDS = 5.0

# What a job may hand in: compressed, and as it is.
MAX_RESULT_BYTES = 4 * 1024 * 1024
MAX_RESULT_PLAIN_BYTES = 32 * 1024 * 1024

# Of a piece of a job's candles, where they come over the bus: others get a word in between.
CANDLES_PIECE_BYTES = 256 * 1024

# What one container may say, held by the reader on the other side. The harness keeps well below.
FLOOD_FRAMES_PER_SECOND = 50
FLOOD_BYTES_PER_SECOND = 1_000_000
FLOOD_WINDOW_SECONDS = 0.25
PACE_FRAMES_PER_SECOND = 25
PACE_BURST = 5
PACE_BYTES_PER_SECOND = 250_000
PACE_BYTES_BURST = 128_000

# What a launcher puts into the environment of the process, all of it.
ENV_BUS_URL = (
    "SLIPWAY_BUS_URL"  # unix://user:password@/path.sock or redis://user:password@host:port
)
ENV_BUS_CA = "SLIPWAY_BUS_CA"  # as PEM: who vouches for a rediss:// server; or the system's own
ENV_DEPLOYMENT = "SLIPWAY_DEPLOYMENT"
ENV_GENERATION = "SLIPWAY_GENERATION"
ENV_BOOT_SHA256 = "SLIPWAY_BOOT_SHA256"  # of the bytes under the boot key, in hexadecimal
ENV_TIME_SCALE = "SLIPWAY_TIME_SCALE"  # 1.0 unless a test hurries

# A job has these two instead of a deployment and a generation.
ENV_JOB = "SLIPWAY_JOB"
ENV_CANDLES = "SLIPWAY_CANDLES"  # the file of its candles; if it is not there, they are on the bus

# How the process ends, beside 0: on purpose. Its last line on stderr says why in one sentence.
EXIT_ENVIRONMENT = 2  # a variable is missing or makes no sense
EXIT_BOOT = 3  # no boot payload, or not the one that was launched
EXIT_STRATEGY = 4  # the author's code does not load or does not start
