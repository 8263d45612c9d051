"""A rotation under load, small; `python -m benchmarks.rotation` does it with 10,000 keys."""

from pathlib import Path

import pytest

from benchmarks.rotation import run
from control_plane.infra.db import Database

pytestmark = pytest.mark.db


async def test_no_signature_fails_while_every_key_is_sealed_anew(
    database: Database, tmp_path: Path
) -> None:
    found = await run(database, tmp_path, 150)

    assert found.failures == []
    assert found.left == 0
    assert found.resealed >= 150 - found.signatures
    assert found.signatures > 0
