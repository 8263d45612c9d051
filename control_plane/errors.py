"""The root of every refusal, and its five kinds.

SlipwayError
├── Missing       there is no such thing (404)
├── Conflict      it is there, but its state forbids this (409)
├── Invalid       the request itself is wrong (422)
├── Forbidden     the caller may not (403)
└── Unavailable   something needed is not there now (503)

A refusal says what is wrong, which field if there is one, and what to do about it.
"""


class SlipwayError(Exception):
    """A refusal that a person can read. Anything else that is raised is a bug."""

    retry_seconds: int = 0  # when to come back, where that is known

    def __init__(self, what: str, *, field: str | None = None, remedy: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.field = field
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.what} {self.remedy}" if self.remedy else self.what


class Missing(SlipwayError):
    pass


class Conflict(SlipwayError):
    pass


class Invalid(SlipwayError):
    pass


class Forbidden(SlipwayError):
    pass


class Unavailable(SlipwayError):
    pass
