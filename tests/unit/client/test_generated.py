"""What is generated is what the generator writes now."""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

from control_plane import web

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = spec_from_file_location("client_generator", ROOT / "scripts" / "client.py")
    assert spec is not None
    assert spec.loader is not None
    made = module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def test_the_client_is_that_of_the_document(generator: ModuleType) -> None:
    for name, text in generator.texts(web.document()).items():
        there = (ROOT / "control_plane" / "client" / name).read_text()

        assert there == text, (
            f"{name} is not up to date: run `make client` (python scripts/client.py)"
        )
