"""What a process of ours finds around itself: where the bus is, and its environment."""

from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from control_plane.containers.models import Spec
from strategy_runtime import wire


@dataclass(frozen=True)
class BusAddress:
    """Where a strategy's process finds Redis: a Unix socket, or host and port for plain
    processes. `volume` names the engine's volume that holds the socket, if it is no folder of this
    machine.
    """

    socket: str | None = None  # its path on this machine, or within the volume's owner
    tcp: str | None = None  # redis://host:port/db
    volume: str | None = None
    authority: str = ""  # the certificate, as PEM, of whoever vouches for Redis' own

    def url(self, spec: Spec, socket: str | None = None) -> str:
        """The whole address for one launch, with its own user."""
        credentials = f"{spec.user}:{quote(spec.password)}@"
        path = socket or self.socket
        if path is not None:
            return f"unix://{credentials}{path}"
        scheme, _, rest = str(self.tcp).partition("://")
        return f"{scheme}://{credentials}{rest}"


def environment(
    spec: Spec, bus_url: str, candles: str | None = None, authority: str = ""
) -> dict[str, str]:
    """Everything that we put into the process' environment. One BLAS thread: half a CPU is shared
    by no more.
    """
    file = {} if candles is None else {wire.ENV_CANDLES: candles}
    trust = {wire.ENV_BUS_CA: authority} if authority else {}
    return {
        wire.ENV_BUS_URL: bus_url,
        **trust,
        **spec.variables,
        **file,
        wire.ENV_BOOT_SHA256: spec.boot_sha256,
        wire.ENV_TIME_SCALE: f"{spec.time_scale:g}",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
    }


def bus_address(
    redis_url: str, bus_url: str | None, volume: str | None, authority: str = ""
) -> BusAddress:
    """From the control plane's own address and what the settings say about the containers'."""
    parts = urlsplit(bus_url or redis_url)
    if parts.scheme == "unix":
        return BusAddress(socket=parts.path, volume=volume)
    if volume is not None and bus_url is None:
        return BusAddress(socket="/redis.sock", volume=volume)
    host = parts.netloc.rpartition("@")[2]
    return BusAddress(tcp=f"{parts.scheme}://{host}{parts.path}", authority=authority)
