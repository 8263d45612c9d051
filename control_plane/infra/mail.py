"""Mail, as one method. Letters lie in the data folder, from where a mail server is handed them if
one is configured; or they are printed. Else whoever runs this Slipway hands them on.
"""

import os
import re
import sys
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Protocol

from control_plane.core.clock import Clock, ms
from control_plane.core.ids import Rng, random_id
from control_plane.errors import Invalid

ENDING = ".eml"
ADDRESS = re.compile(r"[^\s@<>,;:\"()\[\]\\\x00-\x1f\x7f]+@[A-Za-z0-9.-]+")
CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")


class BadLetter(Invalid):
    """It would say more to a mail server than what it says to people."""


@dataclass(frozen=True)
class Letter:
    """To one address. What stands in a header is one line: a second one would be another header."""

    to: str
    subject: str
    text: str

    def __post_init__(self) -> None:
        if not ADDRESS.fullmatch(self.to):
            raise BadLetter(f"{self.to!r} is no e-mail address.", field="email")
        if CONTROL.search(self.subject):
            raise BadLetter("The subject of a letter is one line.", field="subject")


class Mail(Protocol):
    def send(self, letter: Letter) -> None: ...


@dataclass(frozen=True)
class FileOutbox:
    """One file a letter, readable by the owner of the data folder alone."""

    folder: Path
    clock: Clock
    rng: Rng

    def send(self, letter: Letter) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = f"{ms(self.clock.now())}-{random_id('ml', self.rng)}"
        beside = self.folder / f".{name}"
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(_message(letter))
        beside.replace(self.folder / f"{name}{ENDING}")  # whole, or not there yet


class ConsoleOutbox:
    """To the terminal, past the log: what a letter holds is for one person."""

    def send(self, letter: Letter) -> None:
        sys.stderr.write(f"\n{_message(letter)}\n")


def _message(letter: Letter) -> str:
    message = EmailMessage()
    message["To"] = letter.to
    message["Subject"] = letter.subject
    message.set_content(letter.text)
    return message.as_string()
