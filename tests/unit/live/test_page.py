"""What docs/live.md says is so."""

import re
import shlex
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from typer.testing import CliRunner

from control_plane.cli.main import app
from control_plane.live.models import messages
from control_plane.live.models.messages import Channel, read
from control_plane.live.service import hub, outbox
from control_plane.live.service.asking import TAKES
from control_plane.live.service.conversation import TOO_OFTEN
from control_plane.sessions.service.tickets import LIFE_SECONDS
from control_plane.settings import LiveSettings

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "live.md").read_text()
COMMANDS = [
    line
    for block in re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)
    for line in block.split("\n")
    if line
]
EXAMPLES = re.search(r"```json\n(.*?)```", PAGE, re.DOTALL)
ROWS = [line.split("|")[1:-1] for line in PAGE.splitlines() if line.startswith("|")]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_command_line_knows_what_the_page_tells_it(command: str) -> None:
    answer = CliRunner().invoke(app, [*shlex.split(command)[1:], "--help"])

    assert answer.exit_code == 0, answer.output


def test_what_the_page_says_one_may_say_is_understood() -> None:
    assert EXAMPLES is not None
    said = [read(line) for line in EXAMPLES[1].splitlines()]

    assert [type(one).__name__ for one in said] == ["Subscribe", "Unsubscribe", "Ping"]


def test_every_message_is_on_the_page() -> None:
    kinds = {
        one.__struct_config__.tag
        for one in vars(messages).values()
        if isinstance(one, type) and issubclass(one, msgspec.Struct)
    }

    for kind in kinds - {None}:
        assert f"`{kind}`" in PAGE or f'"{kind}"' in PAGE, kind


def test_every_channel_is_there_with_what_narrows_it() -> None:
    listed = {
        row[0].strip(" `"): set(re.findall(r"`(\w+)`", row[2])) for row in ROWS if len(row) == 3
    }

    for channel in get_args(Channel):
        assert listed[channel] == TAKES[channel] - {"everybody"}, channel


def test_the_figures_are_those_of_the_code() -> None:
    ours = LiveSettings()

    for code in (hub.UNPROVED, hub.AWAY, outbox.TOO_SLOW, TOO_OFTEN):
        assert f"| {code} |" in PAGE
    assert f"nothing for {ours.patience_seconds:g} s while {ours.queue_frames} messages" in PAGE
    assert f"{ours.burst} at once, {ours.messages_per_minute} a minute" in PAGE
    assert f"{ours.connections} connections, {ours.per_caller} of one user" in PAGE
    assert f"{ours.subscriptions} subscriptions" in PAGE
    assert f"for {LIFE_SECONDS} s" in PAGE
