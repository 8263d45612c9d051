"""What a job says is data: cut, and without what a terminal or a page would obey."""


def shown(text: str, limit: int) -> str:
    cut = text if len(text) <= limit else f"{text[: limit - 1]}…"
    return "".join(c if c.isprintable() else " " for c in cut).strip()
