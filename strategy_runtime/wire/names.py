"""Names of channels, streams and keys. Identity on the bus is a channel's name, never a field."""


def candles(instrument: str, resolution: str) -> str:
    return f"md:candle:{instrument}:{resolution}"


def ticks(instrument: str) -> str:
    return f"md:tick:{instrument}"


def history(instrument: str, resolution: str) -> str:
    return f"md:history:{instrument}:{resolution}"


def last_tick(instrument: str) -> str:
    """The latest tick, kept for whoever starts between two."""
    return f"md:last:{instrument}"


# Set by the market role; gone means that the server was lost and the streams must be rebuilt.
MARKET_EPOCH = "md:epoch"


def boot(deployment: str, generation: int) -> str:
    return f"boot:{deployment}:{generation}"


def down(deployment: str, generation: int) -> str:
    return f"down:{deployment}:{generation}"


def up(deployment: str, generation: int) -> str:
    return f"up:{deployment}:{generation}"


def wake(what: str) -> str:
    """A hint that a table has changed. Losing one costs a poll interval, nothing else."""
    return f"wake:{what}"


def user(deployment: str, generation: int) -> str:
    return f"dep-{deployment}-g{generation}"


def job_boot(job: str) -> str:
    return f"boot:job:{job}"


def job_candles(job: str) -> str:
    """Where nodes share no disk: its file of candles, a list of pieces."""
    return f"candles:job:{job}"


def job_down(job: str) -> str:
    return f"down:job:{job}"


def job_up(job: str) -> str:
    return f"up:job:{job}"


def job_user(job: str) -> str:
    return f"job-{job}"
