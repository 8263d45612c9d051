"""What a call may be answered with instead of what it asked for.

Refused                the server said no, and why
├── Unauthenticated    nobody it knows asks (401)
├── Forbidden          whoever asks may not (403)
├── Missing            there is no such thing (404)
├── Conflict           as it stands, it cannot be done (409)
│   └── Stale          it has changed since it was seen (412)
├── Invalid            the request is wrong; `field` and `errors` say where (413, 422)
├── Throttled          too often; `retry_seconds` says when to go on (429)
└── Failed             the server is at fault, or what it needs is away (5xx)
Unreachable            no answer came; whether the call arrived is not known
"""

from collections.abc import Mapping, Sequence
from typing import Any

from control_plane import errors


class Refused(errors.SlipwayError):
    def __init__(self, status: int, told: Mapping[str, Any], retry_seconds: int = 0) -> None:
        super().__init__(
            str(told.get("detail", f"Slipway answered with status {status}.")),
            field=told.get("field"),
            remedy=told.get("remedy"),
        )
        self.status = status
        self.told = told
        self.kind = str(told.get("type", ""))
        self.request_id = str(told.get("request_id", ""))
        self.errors: Sequence[Mapping[str, str]] = told.get("errors") or ()
        self.retry_seconds = retry_seconds


class Unauthenticated(Refused, errors.Forbidden):
    pass


class Forbidden(Refused, errors.Forbidden):
    pass


class Missing(Refused, errors.Missing):
    pass


class Conflict(Refused, errors.Conflict):
    pass


class Stale(Conflict):
    pass


class Invalid(Refused, errors.Invalid):
    pass


class Throttled(Refused, errors.Unavailable):
    pass


class Failed(Refused, errors.Unavailable):
    pass


class Unreachable(errors.Unavailable):
    pass


BY_STATUS: Mapping[int, type[Refused]] = {
    401: Unauthenticated,
    403: Forbidden,
    404: Missing,
    409: Conflict,
    412: Stale,
    413: Invalid,
    422: Invalid,
    429: Throttled,
}


def refusal(status: int, told: Mapping[str, Any], retry_seconds: int) -> Refused:
    kind = BY_STATUS.get(status, Failed if status >= 500 else Refused)
    return kind(status, told, retry_seconds)
