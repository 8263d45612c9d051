from pathlib import Path

import pytest

from control_plane.core.ids import Rng
from control_plane.infra import operator
from control_plane.infra.operator import NotRunning


def test_the_token_stays_the_same_and_is_nobody_elses(tmp_path: Path, rng: Rng) -> None:
    token = operator.ensure_token(tmp_path, rng)

    assert operator.ensure_token(tmp_path, rng) == token
    assert (tmp_path / operator.TOKEN_FILE).stat().st_mode & 0o777 == 0o600


def test_the_command_finds_a_running_slipway(tmp_path: Path, rng: Rng) -> None:
    token = operator.ensure_token(tmp_path, rng)
    operator.publish_address(tmp_path, "http://127.0.0.1:9000")

    found = operator.find(tmp_path)

    assert (found.address, found.token) == ("http://127.0.0.1:9000", token)


def test_where_none_runs_a_sentence_says_what_to_do(tmp_path: Path, rng: Rng) -> None:
    operator.ensure_token(tmp_path, rng)
    operator.publish_address(tmp_path, "http://127.0.0.1:9000")
    operator.withdraw_address(tmp_path)

    with pytest.raises(NotRunning, match="slipway up"):
        operator.find(tmp_path)
