from control_plane.sessions.models.believed import REMEMBERED, SECONDS, Believed


def test_what_was_found_is_believed_for_five_seconds() -> None:
    believed: Believed[str] = Believed()
    believed.keep("token", 100.0, "ann")

    assert believed.get("token", 100.0 + SECONDS - 0.1) == "ann"
    assert believed.get("token", 100.0 + SECONDS) is None
    assert believed.get("another", 100.0) is None


def test_what_ended_is_forgotten_at_once() -> None:
    believed: Believed[str] = Believed()
    for name in ("one", "two", "three"):
        believed.keep(name, 0.0, name)
    believed.forget("one")

    assert [believed.get(name, 1.0) for name in ("one", "two")] == [None, "two"]
    believed.forget_all()
    assert believed.get("two", 1.0) is None


def test_what_was_found_longest_ago_makes_room() -> None:
    believed: Believed[int] = Believed()
    for number in range(REMEMBERED + 1):
        believed.keep(number, 0.0, number + 1)

    assert believed.get(0, 0.0) is None
    assert believed.get(1, 0.0) == 2
