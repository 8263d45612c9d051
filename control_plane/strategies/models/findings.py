"""What checking has to say to an author: where, what, and what to do about it."""

from typing import Literal

from msgspec import Struct

MAX_FINDINGS = 100
MAX_TEXT = 300


class Finding(Struct, frozen=True, omit_defaults=True):
    rule: str
    message: str
    hint: str = ""
    line: int = 0  # 0: the file as a whole
    column: int = 0
    severity: Literal["error", "warning"] = "error"

    def says(self) -> str:
        where = f"line {self.line}: " if self.line else ""
        return f"{where}{self.message}{f' {self.hint}' if self.hint else ''}"


def first_error(findings: list[Finding]) -> Finding | None:
    return next((f for f in findings if f.severity == "error"), None)
