"""What the trading role takes from a job, and what it does not, on both databases."""

from hashlib import sha256
from zlib import compress

import msgspec
import pytest

from control_plane.containers.models import Handle
from control_plane.core.clock import Clock
from control_plane.core.ids import JobId, Shard
from control_plane.infra.bus import Bus
from control_plane.infra.db import Database
from control_plane.infra.failpoints import Failpoints
from control_plane.infra.leases import Leases
from control_plane.infra.rng import SystemRng
from control_plane.jobs import service
from control_plane.jobs.errors import JobOver
from control_plane.jobs.models.job import CandlesWish, Order
from control_plane.jobs.models.results import BadResult, verified
from control_plane.jobs.service import closing, running
from control_plane.jobs.service.hearing import Line, Register
from control_plane.settings import JobSettings
from strategy_runtime.wire import jobs as said
from tests.integration.jobs.conftest import GOOD, ME

pytestmark = pytest.mark.db

RESULT = compress(msgspec.json.encode(said.BacktestResult("d", 1, 2, {"trades": 3})))
WHOLE = said.JobDone("run", 1, len(RESULT), sha256(RESULT).hexdigest())


class Desk:
    """A job that runs, and the register that hears it."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self.db = db
        self.bus = Bus("redis://127.0.0.1:1/0", clock)  # never connected: hints are dropped
        self.leases = Leases("trading", "me", "here", db, clock, Failpoints(clock))
        self.register = Register(db, self.bus, self.leases)

    async def begin(self) -> "Desk":
        await self.leases.once()
        wish = CandlesWish("made", "fut:B-BTC_USDT", ("5m",), count=10)
        code = sha256(GOOD.encode()).hexdigest()
        order = Order("backtest", ME, "x", GOOD, code, "fut:B-BTC_USDT", "5m", wish, 256, 1.0, 60)
        self.job = await self.db.write(service.add, self.bus, SystemRng(), order, JobSettings())
        await self.launch()
        (self.line,) = await self.register.lines()
        self.epoch = self.leases.epoch(self.line.shard)
        return self

    async def launch(self) -> None:
        await self.db.write(running.open_attempt, self.bus, self.job, "hash", "file")
        attempt = (await self.db.read(service.find, self.job)).attempt
        await self.db.write(running.record_live, self.job, attempt, Handle("h"), "fake")

    async def chunk(self, run: str = "run", n: int = 0, data: bytes = RESULT) -> str:
        return await self.register.chunk(self.line, self.epoch, said.JobChunk(run, n, data))

    async def done(self) -> str:
        pieces = await self.register.pieces(self.line)
        return await self.register.done(
            self.line, self.epoch, "run", verified("backtest", pieces, WHOLE)
        )


@pytest.fixture
async def desk(database: Database, real_clock: Clock) -> Desk:
    return await Desk(database, real_clock).begin()


async def test_a_result_in_chunks_ends_the_job_once(desk: Desk) -> None:
    assert await desk.register.hello(desk.line, desk.epoch, "run") == "heard"
    assert await desk.chunk() == await desk.chunk() == "heard", "a repeat is harmless"

    assert await desk.done() == "heard"

    assert await desk.chunk() == "deaf"
    found = await desk.db.read(service.find, desk.job)
    assert (found.state, found.progress) == ("done", 1.0)
    assert (await desk.db.read(service.headlines, {desk.job}))[desk.job]["metrics"] == {"trades": 3}
    assert await desk.db.read(service.result, desk.job) is not None
    with pytest.raises(JobOver):
        await desk.db.write(service.cancel, desk.bus, ME, desk.job)


async def test_the_first_process_is_the_job_s_and_no_other_is_heard(desk: Desk) -> None:
    assert await desk.chunk() == "deaf", "before its hello"
    assert await desk.register.hello(desk.line, desk.epoch, "run") == "heard"

    assert await desk.register.hello(desk.line, desk.epoch, "twin") == "deaf"
    assert await desk.chunk("twin") == "deaf"
    assert await desk.register.failed(desk.line, desk.epoch, "twin", "mine") == "deaf"
    assert (await desk.db.read(service.find, desk.job)).state == "running"


async def test_what_an_attempt_before_had_sent_is_forgotten(desk: Desk) -> None:
    await desk.register.hello(desk.line, desk.epoch, "run")
    await desk.chunk()
    await desk.db.write(closing.put_back, desk.bus, desk.job, 1, "broke off", patient=False)
    await desk.launch()

    assert await desk.register.pieces(desk.line) == []
    assert await desk.chunk() == "deaf"
    assert (await desk.db.read(service.find, desk.job)).attempt == 2


async def test_who_lost_the_shard_writes_nothing(desk: Desk) -> None:
    await desk.register.hello(desk.line, desk.epoch, "run")
    stale = desk.epoch - 1

    assert await desk.register.hello(desk.line, stale, "run") == "left"
    other = Line(JobId("jbnone"), Shard(desk.line.shard), "backtest")
    assert await desk.register.hello(other, desk.epoch, "run") == "deaf"


async def test_a_cancelled_job_has_no_result(desk: Desk) -> None:
    await desk.register.hello(desk.line, desk.epoch, "run")
    await desk.chunk()
    pieces = await desk.register.pieces(desk.line)
    await desk.db.write(service.cancel, desk.bus, ME, desk.job)

    result = verified("backtest", pieces, WHOLE)
    assert await desk.register.done(desk.line, desk.epoch, "run", result) == "deaf"
    assert await desk.db.read(service.result, desk.job) is None


@pytest.mark.parametrize(
    ("pieces", "told", "why"),
    [
        ([], WHOLE, "not whole"),
        ([RESULT, b"x"], WHOLE, "not whole"),
        ([b"x" * len(RESULT)], WHOLE, "sha256"),
    ],
)
def test_a_result_is_believed_only_as_a_whole(
    pieces: list[bytes], told: said.JobDone, why: str
) -> None:
    with pytest.raises(BadResult, match=why):
        verified("backtest", pieces, told)


@pytest.mark.parametrize("plain", [b"{", b"[]", b'{"metrics": 1}', b'{"metrics": {"a": "text"}}'])
def test_a_result_of_another_shape_is_none(plain: bytes) -> None:
    body = compress(plain)
    told = said.JobDone("run", 1, len(body), sha256(body).hexdigest())

    with pytest.raises(BadResult, match="cannot be understood"):
        verified("backtest", [body], told)
