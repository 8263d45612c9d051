from control_plane.errors import Unavailable
from control_plane.infra.health import Health


async def _stands() -> None:
    return None


async def _lacks() -> str:
    return "Nothing is here."


async def _refuses() -> None:
    raise Unavailable("Redis does not answer.", remedy="Start it.")


async def test_whoever_has_everything_is_ready() -> None:
    assert await Health({"a": _stands}).missing() == []


async def test_each_lack_is_named_with_its_part() -> None:
    missing = await Health({"a": _lacks, "b": _stands, "c": _refuses}).missing()

    assert [(lack.part, lack.what) for lack in missing] == [
        ("a", "Nothing is here."),
        ("c", "Redis does not answer. Start it."),
    ]
