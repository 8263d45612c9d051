"""What a container printed, as data: bounded, with control characters made visible."""

LOG_TAIL_LINES = 50
LOG_TAIL_CHARACTERS = 8_000
OUTPUT_LINES = 200  # of one look
OUTPUT_CHARACTERS = 1_000  # of one line


def printable(text: str, limit: int = LOG_TAIL_CHARACTERS) -> str:
    """A strategy's output as data: the end of it, with control characters made visible."""
    return _shown(text[-limit:])


def printable_line(text: str) -> str:
    """One line of it: the beginning, with a mark where it was cut."""
    cut = text if len(text) <= OUTPUT_CHARACTERS else f"{text[:OUTPUT_CHARACTERS]}…"
    return _shown(cut)


def _shown(text: str) -> str:
    return "".join(c if c == "\n" or c.isprintable() else f"\\x{ord(c):02x}" for c in text)
