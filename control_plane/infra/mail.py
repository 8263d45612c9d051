"""Mail, as one method. Until a server for it is configured, letters lie in the data folder, or are
printed, for whoever runs this Slipway to hand on.
"""

import os
import sys
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Protocol

from control_plane.core.clock import Clock, ms
from control_plane.core.ids import Rng, random_id


@dataclass(frozen=True)
class Letter:
    to: str
    subject: str
    text: str


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
        name = f"{ms(self.clock.now())}-{random_id('ml', self.rng)}.eml"
        descriptor = os.open(self.folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(_message(letter))


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
