"""`python -m tests.coindcx_sim --port 9400 --accounts 100`: the simulated venue on loopback."""

import argparse
import asyncio

from tests.coindcx_sim.admin import Admin
from tests.coindcx_sim.build import START_MS, populated
from tests.coindcx_sim.clocks import SimTime
from tests.coindcx_sim.http_server import HttpServer
from tests.coindcx_sim.socket_server import Host, SocketServer
from tests.coindcx_sim.switches import switched

HOSTS: tuple[Host, ...] = ("spot", "stream")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.coindcx_sim", description=__doc__)
    parser.add_argument("--port", type=int, default=9400)
    parser.add_argument("--sockets", action="store_true", help="the Socket.IO hosts as well")
    parser.add_argument("--accounts", type=int, default=10, help="key-0, secret-0 and so on")
    parser.add_argument("--driven", action="store_true", help="a clock that /_sim/advance drives")
    parser.add_argument("--no-limits", action="store_true", help="no rate limits")
    parser.add_argument(
        "--switch", action="append", default=[], metavar="NAME=VALUE", help="see switches.py"
    )
    asyncio.run(run(parser.parse_args()))


async def run(options: argparse.Namespace) -> None:
    changes = dict(_switch(text) for text in options.switch)
    if options.no_limits:
        changes["limits_on"] = False
    time = SimTime(START_MS if options.driven else None)
    exchange = populated(options.accounts, switched(**changes), time.now_ms())
    server = HttpServer(exchange, time, Admin(exchange, time))
    listening = await server.start(options.port)
    port = listening.sockets[0].getsockname()[1]
    async with listening, asyncio.TaskGroup() as group:
        group.create_task(server.tick())
        if options.sockets:
            for host in HOSTS:
                sockets = SocketServer(exchange, host)
                _, its_port = await sockets.start(0)
                group.create_task(sockets.speak())
                print(f"{host} http://127.0.0.1:{its_port}", flush=True)
        print(f"ready http://127.0.0.1:{port}", flush=True)
        await listening.serve_forever()


def _switch(text: str) -> tuple[str, object]:
    name, _, value = text.partition("=")
    words: dict[str, object] = {"true": True, "false": False}
    return name, words.get(value, int(value) if value.isdecimal() else value)


if __name__ == "__main__":
    main()
