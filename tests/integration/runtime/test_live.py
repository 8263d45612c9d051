"""A real process on a real server, and a control plane that does what a test says."""

import asyncio

import pytest
from msgspec import Raw

from strategy_runtime import wire
from strategy_runtime.wire import names
from strategy_runtime.wire.messages import Ack, Candle, Control, Position, Tick, Welcome
from strategy_runtime.wire.resolutions import candle_trigger
from tests.candles import START_MS, candle
from tests.integration.runtime.harbour import COUNTING, INSTRUMENT, Harbour

pytestmark = pytest.mark.redis

MINUTE = 60_000


def bar(number: int, close: float = 100.0) -> Candle:
    return candle(number, close)


def trigger(number: int) -> str:
    return candle_trigger("1m", START_MS + number * MINUTE)


def triggers(*numbers: int) -> list[str]:
    return [trigger(number) for number in numbers]


def from_candle(number: int, **more: object) -> Welcome:
    return Welcome(run="", active_from=trigger(number), **more)  # type: ignore[arg-type]


async def launched(harbour: Harbour, welcome: Welcome, history: int = 10) -> None:
    for number in range(history):
        await harbour.close_candle(bar(number), publish=False)
    harbour.welcome = welcome
    await harbour.launch()
    await harbour.until(
        lambda: [beat for beat in harbour.heartbeats if beat.phase == "running"],
        "a running heartbeat",
    )


async def test_it_says_hello_until_it_is_welcome(harbour: Harbour) -> None:
    await harbour.launch()
    await harbour.until(lambda: len(harbour.hellos) >= 3, "three hellos")

    assert len({hello.run for hello in harbour.hellos}) == 1
    assert len(harbour.hellos[0].run) == 26
    assert harbour.heartbeats[0].phase == "warming"
    assert harbour.executions == []


async def test_a_closed_candle_becomes_one_acknowledged_execution(harbour: Harbour) -> None:
    await launched(harbour, from_candle(10))
    await harbour.close_candle(bar(10, 101.0))
    await harbour.until(lambda: harbour.executions, "an execution")
    await harbour.until(
        lambda: (
            harbour.heartbeats[-1].last_trigger == trigger(10)
            and harbour.heartbeats[-1].waiting == 0
        ),
        "a heartbeat that names it",
    )

    (execution,) = harbour.executions
    assert execution.n == 1
    assert execution.trigger == trigger(10)
    assert execution.outcome == "signal"
    assert [str(signal.stop_loss) for signal in execution.signals] == ["90.9"]
    assert execution.position.pending == execution.signals
    assert execution.state == Raw(b'{"n":1}')
    assert harbour.lines == ["saw 101"]
    assert 5_000_000 < harbour.heartbeats[-1].rss_bytes < 100_000_000


async def test_it_catches_up_in_order_with_the_state_that_it_is_given(harbour: Harbour) -> None:
    position = Position(side="LONG", entry_price=99.0, stop_loss=50.0, exit_due="LONG")
    welcome = from_candle(2, last_trigger=trigger(5), state=Raw(b'{"n":40}'), position=position)
    await launched(harbour, welcome)
    await harbour.until(lambda: len(harbour.executions) == 4, "four executions")

    assert harbour.triggers == triggers(6, 7, 8, 9)
    assert [e.state for e in harbour.executions][-1] == Raw(b'{"n":44}')
    assert [signal.action for signal in harbour.executions[0].signals] == ["EXIT_LONG"]


async def test_a_frame_without_acknowledgement_is_sent_again(harbour: Harbour) -> None:
    harbour.acknowledges = False
    await launched(harbour, from_candle(10))
    await harbour.close_candle(bar(10))
    await harbour.until(lambda: len(harbour.executions) >= 3, "two repeats")

    assert all(repeat == harbour.executions[0] for repeat in harbour.executions)
    await harbour.tell(Ack(harbour.executions[0].run, (1,)))
    await harbour.until(lambda: harbour.heartbeats[-1].waiting == 0, "nothing waiting")


async def test_an_acknowledgement_for_another_run_counts_nothing(harbour: Harbour) -> None:
    harbour.acknowledges = False
    await launched(harbour, from_candle(10))
    await harbour.close_candle(bar(10))
    await harbour.until(lambda: harbour.executions, "an execution")
    await harbour.tell(Ack("another", (1,)))
    seen = len(harbour.executions)

    await harbour.until(lambda: len(harbour.executions) > seen, "a repeat")


async def test_a_gap_is_read_from_history_before_the_newer_candle(harbour: Harbour) -> None:
    await launched(harbour, from_candle(10))
    for number in (10, 11):
        await harbour.close_candle(bar(number), publish=False)
    await harbour.close_candle(bar(12))
    await harbour.until(lambda: len(harbour.executions) == 3, "three executions")

    assert harbour.triggers == triggers(10, 11, 12)


async def test_a_gap_that_history_does_not_fill_does_not_stop_it(harbour: Harbour) -> None:
    await launched(harbour, from_candle(10))
    await harbour.close_candle(bar(14))
    await harbour.until(lambda: harbour.executions, "an execution")

    assert harbour.triggers == triggers(14)


async def test_an_entry_of_history_that_is_no_candle_is_passed_over(harbour: Harbour) -> None:
    await launched(harbour, from_candle(10))
    at_ms = START_MS + 10 * MINUTE
    stream = names.history(INSTRUMENT, "1m")
    await harbour.redis.xadd(stream, {"c": b"?"}, id=f"{at_ms}-0")
    await harbour.close_candle(bar(11))
    await harbour.until(lambda: harbour.executions, "an execution")

    assert harbour.triggers == triggers(11)


async def test_a_repeated_candle_is_decided_once(harbour: Harbour) -> None:
    await launched(harbour, from_candle(10))
    await harbour.close_candle(bar(10))
    await harbour.publish(bar(10))
    await harbour.publish(bar(9))
    await harbour.close_candle(bar(11))
    await harbour.until(lambda: len(harbour.executions) == 2, "two executions")

    assert harbour.triggers == triggers(10, 11)


async def test_a_new_generation_warms_up_and_waits_for_its_turn(harbour: Harbour) -> None:
    harbour.welcome = Welcome(run="", active_from=None)
    for number in range(10):
        await harbour.close_candle(bar(number), publish=False)
    await harbour.launch()
    await harbour.until(lambda: len(harbour.hellos) >= 2, "a second hello")
    await harbour.close_candle(bar(10))
    await harbour.close_candle(bar(11))
    assert harbour.executions == []

    harbour.welcome = None
    await harbour.tell(
        Welcome(
            run=harbour.hellos[0].run,
            active_from=trigger(11),
            last_trigger=trigger(10),
            state=Raw(b'{"n":7}'),
        )
    )
    await harbour.close_candle(bar(12))
    await harbour.until(lambda: len(harbour.executions) == 2, "two executions")

    assert harbour.triggers == triggers(11, 12)
    assert harbour.executions[0].state == Raw(b'{"n":8}')


async def test_a_relieved_generation_decides_no_more(harbour: Harbour) -> None:
    await launched(harbour, from_candle(10))
    harbour.welcome = Welcome(run="", active_from=None)
    await harbour.tell(Welcome(run=harbour.hellos[0].run, active_from=None))
    await harbour.until(lambda: harbour.heartbeats[-1].phase == "warming", "warming")
    await harbour.close_candle(bar(10))
    hellos = len(harbour.hellos)
    await harbour.until(lambda: len(harbour.hellos) > hellos, "a hello while it waits")

    assert harbour.executions == []


async def test_a_server_that_comes_back_empty_costs_nothing(harbour: Harbour) -> None:
    await launched(harbour, from_candle(10))
    await harbour.close_candle(bar(10))
    await harbour.until(lambda: len(harbour.executions) == 1, "an execution")
    await harbour.server.stop()
    await harbour.deafen()

    await harbour.server.start()
    await harbour.furnish()
    for number in range(13):
        await harbour.close_candle(bar(number), publish=False)
    harbour.welcome = from_candle(10, last_trigger=trigger(10))
    await harbour.listen()
    await harbour.until(lambda: len(harbour.executions) == 3, "what was missed")
    await harbour.close_candle(bar(13))
    await harbour.until(lambda: len(harbour.executions) == 4, "what comes next")

    assert harbour.triggers == triggers(10, 11, 12, 13)
    assert [execution.n for execution in harbour.executions] == [1, 2, 3, 4]
    assert len({hello.run for hello in harbour.hellos}) == 1


async def test_a_decision_that_got_lost_with_the_server_is_sent_not_made_again(
    harbour: Harbour,
) -> None:
    harbour.acknowledges = False
    await launched(harbour, from_candle(10))
    await harbour.close_candle(bar(10, 101.0))
    await harbour.until(lambda: harbour.executions, "an execution")
    first = harbour.executions[0]
    await harbour.server.stop()
    await harbour.deafen()
    harbour.frames.clear()

    await harbour.server.start()
    await harbour.furnish()
    for number in range(11):
        await harbour.close_candle(bar(number, 101.0), publish=False)
    harbour.acknowledges = True
    await harbour.listen()
    await harbour.until(lambda: harbour.executions, "the same execution")
    await harbour.close_candle(bar(11))
    await harbour.until(lambda: len(set(harbour.triggers)) == 2, "the next one")

    assert harbour.executions[0] == first
    assert set(harbour.triggers) == set(triggers(10, 11))


async def test_history_that_was_not_rebuilt_yet_is_read_before_the_first_decision(
    harbour: Harbour,
) -> None:
    harbour.code = COUNTING.replace(
        'self.log(f"saw {candle.close:g}")', 'self.log(f"average {self.average.value:g}")'
    )
    await harbour.furnish()
    await launched(harbour, from_candle(5), history=0)
    for number in range(5):
        await harbour.close_candle(bar(number, 90.0), publish=False)
    await harbour.close_candle(bar(5, 90.0))
    await harbour.until(lambda: harbour.lines, "a log line")

    assert harbour.lines == ["average 90"]


async def test_with_a_thousand_frames_waiting_it_lags_and_then_catches_up(
    harbour: Harbour,
) -> None:
    harbour.acknowledges = False
    for number in range(1_010):
        await harbour.close_candle(bar(number), publish=False)
    harbour.welcome = from_candle(0)
    await harbour.launch()
    await harbour.until(lambda: harbour.heartbeats, "a heartbeat")
    await harbour.until(lambda: harbour.heartbeats[-1].phase == "lagging", "lagging")
    assert harbour.heartbeats[-1].waiting == wire.MAX_UNACKNOWLEDGED
    assert harbour.heartbeats[-1].last_trigger == trigger(999)

    await harbour.tell(Ack(harbour.hellos[0].run, tuple(range(1, 1_001))))
    harbour.acknowledges = True
    await harbour.until(lambda: harbour.heartbeats[-1].last_trigger == trigger(1_009), "the end")
    await harbour.until(lambda: harbour.heartbeats[-1].phase == "running", "running")


async def test_it_stays_well_below_the_flood_limit(harbour: Harbour) -> None:
    harbour.acknowledges = False
    loop = asyncio.get_running_loop()
    await launched(harbour, from_candle(0), history=200)
    before, began = len(harbour.frames), loop.time()
    await asyncio.sleep(1.0)
    heard, seconds = len(harbour.frames) - before, loop.time() - began

    assert heard / seconds < wire.FLOOD_FRAMES_PER_SECOND
    assert heard / seconds > wire.PACE_FRAMES_PER_SECOND / 2


async def test_paused_it_skips_and_resumed_it_decides(harbour: Harbour) -> None:
    await launched(harbour, from_candle(10))
    await harbour.tell(Control("pause"))
    await harbour.until(lambda: harbour.heartbeats[-1].phase == "paused", "paused")
    await harbour.close_candle(bar(10, 101.0))
    await harbour.until(lambda: len(harbour.executions) == 1, "an execution")
    await harbour.tell(Control("resume"))
    await harbour.close_candle(bar(11, 101.0))
    await harbour.until(lambda: len(harbour.executions) == 2, "another")

    assert [execution.outcome for execution in harbour.executions] == ["skipped", "signal"]


async def test_a_welcome_may_say_paused(harbour: Harbour) -> None:
    harbour.welcome = from_candle(0, phase="paused")
    await harbour.launch()
    await harbour.until(
        lambda: harbour.heartbeats and harbour.heartbeats[-1].phase == "paused", "paused"
    )


async def test_on_sigterm_it_hands_over_what_it_decided_and_goes(harbour: Harbour) -> None:
    harbour.acknowledges = False
    await launched(harbour, from_candle(10))
    await harbour.close_candle(bar(10))
    await harbour.until(lambda: harbour.executions, "an execution")
    harbour.terminate()
    await harbour.until(lambda: harbour.heartbeats[-1].phase == "draining", "draining")
    await harbour.close_candle(bar(11))
    harbour.acknowledges = True
    code, _, _ = await harbour.ended()

    assert code == 0
    assert set(harbour.triggers) == set(triggers(10))
    bye = await harbour.bye()
    assert (bye.reason, bye.waiting) == ("got SIGTERM", 0)
    assert harbour.lines[-1] == "good-bye"


async def test_what_nobody_acknowledges_does_not_hold_it_for_ever(harbour: Harbour) -> None:
    harbour.acknowledges = False
    await launched(harbour, from_candle(10))
    await harbour.close_candle(bar(10))
    await harbour.until(lambda: harbour.executions, "an execution")
    harbour.terminate()
    code, _, _ = await harbour.ended()

    assert code == 0
    assert (await harbour.bye()).waiting == 1


@pytest.mark.parametrize("do", ["drain", "stop"])
async def test_it_ends_when_told_to(harbour: Harbour, do: str) -> None:
    await launched(harbour, from_candle(10))
    await harbour.tell(Control(do))  # type: ignore[arg-type]
    code, _, _ = await harbour.ended()

    assert code == 0
    assert (await harbour.bye()).reason == f"told to {do}"


async def test_it_ends_even_while_the_server_is_gone(harbour: Harbour) -> None:
    await launched(harbour, from_candle(10))
    await harbour.server.stop()
    harbour.terminate()
    code, _, _ = await harbour.ended()

    assert code == 0


async def test_a_payload_that_was_not_launched_is_not_run(harbour: Harbour) -> None:
    environment = harbour.environment() | {wire.ENV_BOOT_SHA256: "0" * 64}
    await harbour.launch(environment)
    code, out, err = await harbour.ended()

    assert code == wire.EXIT_BOOT
    assert out == ""
    assert err.startswith("the launch payload has the sha256 ")
    assert err.count("\n") == 1


async def test_a_payload_that_never_comes_is_said(harbour: Harbour) -> None:
    environment = harbour.environment() | {wire.ENV_GENERATION: "2"}
    await harbour.launch(environment)
    code, _, err = await harbour.ended()

    assert code == wire.EXIT_BOOT
    assert err.startswith("the launch payload boot:dptest:2 cannot be read: NOPERM")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({wire.ENV_BUS_URL: ""}, "SLIPWAY_BUS_URL is missing from the environment"),
        ({wire.ENV_BUS_URL: "http://x"}, "SLIPWAY_BUS_URL: the bus URL must read unix://"),
        ({wire.ENV_GENERATION: "one"}, "SLIPWAY_GENERATION is 'one', no number"),
        ({wire.ENV_TIME_SCALE: "-1"}, "SLIPWAY_TIME_SCALE is '-1'; it must be above zero"),
    ],
)
async def test_an_environment_that_makes_no_sense_is_refused(
    harbour: Harbour, change: dict[str, str], sentence: str
) -> None:
    await harbour.launch(harbour.environment() | change)
    code, _, err = await harbour.ended()

    assert code == wire.EXIT_ENVIRONMENT
    assert err.startswith(sentence)
    assert err.count("\n") == 1


async def test_code_that_does_not_load_is_said_to_everybody(harbour: Harbour) -> None:
    harbour.code = "x = (\n"
    await harbour.furnish()
    await harbour.launch()
    code, _, err = await harbour.ended()

    assert code == wire.EXIT_STRATEGY
    assert err == "the strategy does not load: strategy.py, line 1: '(' was never closed: x = (\n"
    assert (await harbour.bye()).reason in err


async def test_a_strategy_that_does_not_start_is_said_to_everybody(harbour: Harbour) -> None:
    harbour.code = COUNTING.replace("self.average = self.sma(3)", "raise KeyError('x')")
    await harbour.furnish()
    harbour.welcome = from_candle(0)
    await harbour.launch()
    code, _, err = await harbour.ended()

    assert code == wire.EXIT_STRATEGY
    *_, author_s_line, sentence = err.splitlines()
    assert author_s_line.startswith("  strategy.py, line 6")
    assert sentence == "the strategy does not start: KeyError: 'x'"
    assert "KeyError: 'x'" in (await harbour.bye()).reason


async def test_a_strategy_that_raises_goes_on(harbour: Harbour) -> None:
    harbour.code = COUNTING.replace('self.log(f"saw {candle.close:g}")', "1 / (candle.close - 5)")
    await harbour.furnish()
    await launched(harbour, from_candle(10))
    await harbour.close_candle(bar(10, 5.0))
    await harbour.close_candle(bar(11, 101.0))
    await harbour.until(lambda: len(harbour.executions) == 2, "two executions")

    assert [execution.outcome for execution in harbour.executions] == ["failed", "signal"]
    assert "ZeroDivisionError" in (harbour.executions[0].error or "")


async def test_an_endless_loop_of_the_author_does_not_look_healthy(harbour: Harbour) -> None:
    harbour.code = COUNTING.replace('self.log(f"saw {candle.close:g}")', "while True: pass")
    await harbour.furnish()
    await launched(harbour, from_candle(10))
    await harbour.close_candle(bar(10))
    await asyncio.sleep(0.2)
    before = len(harbour.frames)
    await asyncio.sleep(1.2)  # more than two heartbeats

    assert len(harbour.frames) == before
    assert harbour.executions == []


async def test_prints_go_through_and_the_password_is_gone(harbour: Harbour) -> None:
    harbour.code = "import os\nprint('hello', sorted(os.environ))\n" + COUNTING
    await harbour.furnish()
    await launched(harbour, from_candle(10))
    harbour.terminate()
    _, out, _ = await harbour.ended()

    assert out.startswith("hello [")
    assert "SLIPWAY_BUS_URL" not in out


async def test_ticks_are_heard_by_those_who_declared_them(harbour: Harbour) -> None:
    harbour.ticks = True
    harbour.code = COUNTING.replace(
        "    def on_stop(self):",
        "    def on_tick(self, tick):\n"
        "        if tick.price > 110:\n"
        "            return self.long(reason='tick')\n\n"
        "    def on_stop(self):",
    )
    await harbour.furnish()
    await launched(harbour, from_candle(10))
    at_ms = START_MS + 10 * MINUTE
    for price in ("105", "111", "112"):
        await harbour.trade(Tick(at_ms + 500, price, "1"))  # type: ignore[arg-type]
        await asyncio.sleep(0.05)
    await harbour.close_candle(bar(10, 112.0))
    await harbour.until(lambda: len(harbour.executions) == 2, "two executions")

    assert harbour.triggers == [f"tick:{at_ms}", trigger(10)]
    assert [execution.outcome for execution in harbour.executions] == ["signal", "none"]
