"""What the README, the example settings and the compose file say is so."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel
from typer.testing import CliRunner

from control_plane.cli.main import app
from control_plane.settings import PREFIX, Settings, load

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
EXAMPLE = (ROOT / ".env.example").read_text()
COMPOSE = (ROOT / "docker-compose.yml").read_text()

SHELL_BLOCKS = re.findall(r"```bash\n(.*?)```", README, re.DOTALL)
COMMANDS = [
    line.partition(" #")[0].strip() for block in SHELL_BLOCKS for line in block.splitlines()
]
COMPOSE_ONLY = {"SLIPWAY_POSTGRES_PASSWORD", "SLIPWAY_REDIS_PASSWORD"}
COMPOSE_ONLY |= {"SLIPWAY_PUBLISH", "SLIPWAY_IMAGE"}


def settings_in(model: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, BaseModel):
            yield from settings_in(section, f"{prefix}{name}__")
        else:
            yield f"{prefix}{name}".upper()


@pytest.mark.parametrize("command", [each for each in COMMANDS if "slipway " in each])
def test_the_command_line_knows_what_the_readme_tells_it(command: str) -> None:
    words = shlex.split(command)[1:]

    answer = CliRunner().invoke(app, [*words, "--help"])

    assert answer.exit_code == 0, answer.output


@pytest.mark.parametrize("command", [each for each in COMMANDS if each.startswith("make ")])
def test_make_knows_what_the_readme_tells_it(command: str) -> None:
    target = command.split()[1]

    assert re.search(rf"^{target}:.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_the_files_that_the_readme_links_to_are_there() -> None:
    links = set(re.findall(r"\]\(([^)#:]+)\)", README))

    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_example_names_every_setting_and_no_other() -> None:
    named = set(re.findall(rf"^(?:# )?({PREFIX}[A-Z_]+)=", EXAMPLE, re.MULTILINE))
    internal = {"SLIPWAY_TIME_SCALE", "SLIPWAY_FAILPOINTS"}

    assert named - COMPOSE_ONLY == set(settings_in(Settings, PREFIX)) - internal


def test_every_setting_of_the_example_is_accepted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    certificate = tmp_path / "ca.pem"
    certificate.touch()
    for name, value in re.findall(rf"^# ({PREFIX}[A-Z_]+)=(.*)$", EXAMPLE, re.MULTILINE):
        monkeypatch.setenv(name, str(certificate) if value.endswith(".pem") else value)

    assert load().port == 8000


def test_compose_asks_for_nothing_that_the_example_does_not_name() -> None:
    asked = set(re.findall(r"\$\{([A-Z_]+)", COMPOSE))
    named = set(re.findall(r"^(?:# )?([A-Z_]+)=", EXAMPLE, re.MULTILINE))

    assert asked <= named


def test_compose_knows_no_password() -> None:
    passwords = re.findall(r"\$\{(SLIPWAY_[A-Z]+_PASSWORD)([^}]*)\}", COMPOSE)

    assert {name for name, rest in passwords if rest.startswith(":?")} == {
        "SLIPWAY_POSTGRES_PASSWORD",
        "SLIPWAY_REDIS_PASSWORD",
    }
    assert [rest for _, rest in passwords if rest and not rest.startswith(":?")] == []
