"""One frozen tree of settings, read once: `SLIPWAY_…` from the environment or `.env`, sections
joined by two underscores.

`SLIPWAY_PORT=9000`, `SLIPWAY_MARKET__SPEED=60`. A wrong one is refused with a sentence that names
the variable.
"""

from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import parse_qs, urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from control_plane.errors import Invalid
from control_plane.infra import failpoints
from control_plane.infra.engines import Pool, parse_url
from control_plane.infra.smtp import Security, Server

PREFIX = "SLIPWAY_"

FeedName = Literal["simulated", "coindcx"]
Role = Literal["api", "market", "fleet", "trading"]
WEB = {"http", "https"}
ROLES: tuple[Role, ...] = ("api", "market", "fleet", "trading")


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def split(value: Any) -> Any:
    """A list in a variable is separated by commas."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


class DatabaseSettings(Section):
    """PostgreSQL's pool; SQLite has none."""

    pool_size: int = Field(20, ge=1)
    max_overflow: int = Field(10, ge=0)
    pool_timeout_seconds: float = Field(30, gt=0)
    pool_recycle_seconds: int = Field(3600, gt=0)
    migrate: bool = True  # bring the schema up to date at start

    def pool(self) -> Pool:
        return Pool(
            self.pool_size, self.max_overflow, self.pool_timeout_seconds, self.pool_recycle_seconds
        )


class HttpSettings(Section):
    """Further names that a proxy hands through to us, and how much one request may bring."""

    hosts: Annotated[tuple[str, ...], NoDecode] = ()
    origins: Annotated[tuple[str, ...], NoDecode] = ()  # whose pages may call the API; none
    max_body_bytes: int = Field(1_000_000, ge=10_000)
    body_seconds: float = Field(10.0, gt=0)
    requests_per_minute: int = Field(600, ge=1)  # of one caller, in the long run
    burst: int = Field(120, ge=1)  # of one caller, at once

    @field_validator("hosts", "origins", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return split(value)

    @field_validator("origins")
    @classmethod
    def _exact(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            parts = urlsplit(origin)
            if origin != f"{parts.scheme}://{parts.netloc}" or parts.scheme not in WEB:
                raise ValueError(f"{origin!r} is no origin: write https://app.example")
        return value


class LiveSettings(Section):
    """Live connections: how many there may be, and how patient we are with a slow reader."""

    connections: int = Field(200, ge=1, le=400)  # of this process
    per_caller: int = Field(20, ge=1)
    subscriptions: int = Field(50, ge=1)  # of a connection
    messages_per_minute: int = Field(120, ge=1)  # from a connection, in the long run
    burst: int = Field(60, ge=1)  # at once
    heartbeat_seconds: float = Field(15.0, gt=0)
    queue_frames: int = Field(256, ge=2)
    patience_seconds: float = Field(10.0, gt=0)


class MarketSettings(Section):
    """Where prices come from. The simulated feed's seed makes the same prices, its speed says how
    many market seconds pass in a real one.
    """

    feeds: Annotated[tuple[FeedName, ...], NoDecode] = ("simulated",)  # the first has preference
    feed_by_instrument: dict[str, FeedName] = {}
    seed: int = 7
    speed: float = Field(1.0, ge=1, le=3600)
    history_candles: int = Field(1_000, ge=10, le=10_000)  # kept beyond the longest look-back
    confirm_seconds: float = Field(1.5, ge=0.5, le=30)  # after a minute that no socket closed
    settled_seconds: float = Field(10.0, ge=2, le=300)  # from then on a list of bars is believed
    lag_seconds: float = Field(10.0, gt=0)  # so late a minute pauses entries on its instrument
    skew_seconds: float = Field(5.0, gt=0)  # so far apart may the exchange's clock and ours be
    catalogue_seconds: float = Field(600.0, ge=10)  # how old rules of real markets may become
    record: Path | None = None  # a file to which everything that sockets say is added

    @field_validator("feeds", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return split(value)

    @field_validator("feeds")
    @classmethod
    def _named_once(cls, value: tuple[FeedName, ...]) -> tuple[FeedName, ...]:
        if not value or len(set(value)) != len(value):
            raise ValueError("name at least one feed, and each once")
        return value


class FleetSettings(Section):
    launcher: Literal["auto", "docker", "swarm", "process"] = "auto"
    docker_host: str | None = None  # the engine's own default if not given
    runtime: str | None = None  # runc, runsc, or the engine's default
    image: str | None = (
        None  # by id or digest; if not given, the one that `slipway images build` made
    )
    bus_url: str | None = (
        None  # how containers reach Redis, if not over the Unix socket of the control plane
    )
    bus_volume: str | None = (
        None  # a named volume that holds Redis' socket, if it is no folder of this machine
    )
    bus_ca: Path | None = None  # who vouches for Redis' certificate (PEM), for rediss://
    swarm_network: str = "slipway-bus"  # the internal overlay on which strategies reach Redis
    swarm_constraints: Annotated[
        tuple[str, ...], NoDecode
    ] = ()  # such as node.labels.strategies==yes
    # Engines before version 25 take neither with a service: each was started with
    # --no-new-privileges and the seccomp profile that `slipway images seccomp --swarm` prints.
    swarm_engines_are_hardened: bool = False
    candles_dir: Path | None = None  # where jobs' candles are written; a folder of the data folder
    candles_volume: str | None = (
        None  # the volume that holds it, if it is no folder of this machine
    )
    sweep_seconds: float = Field(3.0, gt=0)
    keep: bool = False  # leave containers running at an ordered stop
    spawn_per_second: float = Field(2.0, gt=0)
    ceiling_memory_mb: int = Field(2048, ge=64)
    ceiling_cpus: float = Field(2.0, gt=0)

    @field_validator("swarm_constraints", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return split(value)

    @field_validator("bus_ca")
    @classmethod
    def _is_read(cls, value: Path | None) -> Path | None:
        if value is not None and not value.is_file():
            raise ValueError(f"there is no file {value}")
        return value


class JobSettings(Section):
    """Checks, backtests and searches: how many run at once, and what each may use."""

    parallel: int = Field(2, ge=1)  # of all owners, in one fleet process
    per_tenant: int = Field(2, ge=1)
    most_queued: int = Field(50, ge=1)  # of one owner, checks apart
    memory_mb: int = Field(768, ge=128)
    cpus: float = Field(1.0, gt=0)
    search_cpus: float = Field(2.0, gt=0)  # of a search for parameters: a process each
    check_seconds: int = Field(180, ge=1)
    backtest_seconds: int = Field(900, ge=1)
    optimise_seconds: int = Field(3600, ge=1)
    most_candles: int = Field(1_000_000, ge=1_000)  # of one job
    kept_days: float = Field(30, gt=0)  # checks, and what failed or was cancelled
    results_kept_days: float = Field(365, gt=0)  # of backtests and searches


class TradingSettings(Section):
    entry_rest_seconds: float = Field(5.0, gt=0)
    reprice_seconds: float = Field(2.0, gt=0)
    protect_seconds: float = Field(10.0, gt=0)
    settle_seconds: float = Field(17.0, gt=0)
    quarantine_seconds: float = Field(900.0, gt=0)
    trading_day_zone: str = "Asia/Kolkata"
    rate_stale_seconds: float = Field(60.0, gt=0)
    price_stale_seconds: float = Field(60.0, gt=0)
    send_window_seconds: float = Field(1.0, gt=0)  # from the commit to the first byte
    reply_seconds: float = Field(5.0, gt=0)  # after that an outcome is unknown
    at_once: int = Field(100, ge=1)  # orders on their way; as many connections has the order lane
    kept_days: float = Field(90, ge=1)  # decisions, skips and events; orders and trades stay
    replies_kept_days: float = Field(30, ge=0)  # what exchanges answered, word for word


class AccountSettings(Section):
    """Who may sign up, and how signing in behaves."""

    sign_up: Literal["open", "invitation", "closed"] = "invitation"
    public_url: str = ""  # what links in letters begin with; none: this machine, and SLIPWAY_PORT
    idle_minutes: float = Field(30, gt=0)  # a session that is not used for so long has ended
    session_days: float = Field(30, gt=0, le=365)
    free_failures: int = Field(3, ge=1)  # from this one on, wrong passwords are slowed down
    longest_wait_seconds: float = Field(900, gt=0)
    admin_second_factor: bool = False  # an admin administers after a second factor alone
    google_client_id: str | None = None  # with these two, people may sign in with Google
    google_client_secret: SecretStr | None = None
    google_discovery_url: str = "https://accounts.google.com/.well-known/openid-configuration"
    mail: Literal["file", "console", "smtp"] = "file"  # the folder `outbox` of the data folder


class MailSettings(Section):
    """The mail server that letters are handed to, with SLIPWAY_ACCOUNTS__MAIL=smtp."""

    host: str = ""
    port: int = Field(587, ge=1, le=65535)
    security: Security = "starttls"
    sender: str = ""  # slipway@example.com
    username: str = ""
    password: SecretStr = SecretStr("")
    ca: Path | None = None  # a file of certificates, if the machine's own do not know the server

    @field_validator("security")
    @classmethod
    def _stays_private(cls, value: str, known: ValidationInfo) -> str:
        host = known.data.get("host", "")
        if value == "none" and host not in {"", "localhost", "127.0.0.1", "::1"}:
            raise ValueError("it is for a mail server on this machine alone")
        return value

    def server(self) -> Server:
        if not self.host or "@" not in self.sender:
            raise Invalid(
                "SLIPWAY_ACCOUNTS__MAIL=smtp needs a mail server and whom letters are from.",
                field="SLIPWAY_MAIL__HOST",
                remedy="Set SLIPWAY_MAIL__HOST and SLIPWAY_MAIL__SENDER.",
            )
        return Server(
            self.host,
            self.port,
            self.security,
            self.sender,
            self.username,
            self.password.get_secret_value(),
            self.ca,
        )


class PaperSettings(Section):
    """How the paper exchange fills: half the spread, and what a taker pays beyond it."""

    slippage: float = Field(0.0002, ge=0, le=0.1)
    participation: float = Field(0.25, gt=0, le=1)  # of a trade's volume that one order may take


class CoinDcxSettings(Section):
    """How CoinDCX is asked, and what of it is taken for proved: nothing, until somebody has
    measured it.
    """

    api_url: str = "https://api.coindcx.com"
    public_url: str = "https://public.coindcx.com"
    stream_url: str = "https://stream.coindcx.com"  # sockets: futures, and spot's public channels
    spot_stream_url: str = "https://stream-spot.coindcx.com"
    private_sockets: int = Field(200, ge=0)  # accounts that are listened to; the rest are asked
    egress: str = ""  # local addresses and proxies, comma-separated; none is the machine's own
    egress_by_account: dict[str, str] = {}  # accounts pinned to one of them by hand
    per_second: int = Field(16, ge=1)  # of a key, and of an address
    per_minute: int = Field(960, ge=1)
    active_orders_per_minute: int = Field(300, ge=1)
    cancel_by_ids_per_minute: int = Field(300, ge=1)
    cancel_all_per_minute: int = Field(30, ge=1)
    recovery_seconds: float = Field(120.0, gt=0)  # from a 429 back to the full rate
    deadline_seconds: float = Field(4.0, gt=0)  # less than an order waits for its reply
    window_seconds: float = Field(60.0, gt=0)  # in which a signed request is still taken
    timestamp_enforced: bool = False  # so that an entry proved absent may be sent again
    require_echo: bool = True  # an order's reply must name our client order id
    trust_texts: bool = False  # believe a refusal in words that nobody has documented
    spot_stop_orders: bool = False  # stops may be sent on spot, a form without a sample
    inline_stops: bool = True  # a futures entry carries its stop; it is read back either way
    balance_includes_locked: bool = False  # docs and clients say that it is what is free


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        env_file=".env",
        frozen=True,
        extra="ignore",
    )

    data_dir: Path = Path(".slipway")
    database_url: SecretStr | None = None  # if not given, a file in the data folder
    redis_url: SecretStr | None = None  # if not given, a server of our own
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=0, le=65535)
    roles: Annotated[tuple[Role, ...], NoDecode] = ROLES
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_json: bool | None = None  # if not given: JSON unless on a terminal
    time_scale: float = Field(
        1.0, gt=0, le=10
    )  # operational times, all together: tests run at a twentieth
    failpoints: str = ""

    database: DatabaseSettings = DatabaseSettings()
    http: HttpSettings = HttpSettings()
    live: LiveSettings = LiveSettings()
    market: MarketSettings = MarketSettings()
    fleet: FleetSettings = FleetSettings()
    jobs: JobSettings = JobSettings()
    trading: TradingSettings = TradingSettings()
    paper: PaperSettings = PaperSettings()
    coindcx: CoinDcxSettings = CoinDcxSettings()
    accounts: AccountSettings = AccountSettings()
    mail: MailSettings = MailSettings()

    @field_validator("roles", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return split(value)

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            parse_url(value.get_secret_value())
        return value

    @field_validator("redis_url")
    @classmethod
    def _known_redis(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().startswith(
            ("redis://", "rediss://", "unix://")
        ):
            raise ValueError("it must begin with redis://, rediss:// or unix://")
        if value is not None and names_a_database(value.get_secret_value()):
            raise ValueError("it must name database 0: strategies are let into no other")
        return value

    @field_validator("failpoints")
    @classmethod
    def _known_failpoints(cls, value: str) -> str:
        failpoints.parse(value)
        return value

    def public_address(self) -> str:
        """Where people find this installation, as far as it knows."""
        return self.accounts.public_url.rstrip("/") or f"http://127.0.0.1:{self.port}"

    def database_at(self) -> str:
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{self.data_dir.resolve() / 'slipway.db'}"


def names_a_database(redis_url: str) -> bool:
    parts = urlsplit(redis_url)
    asked = parse_qs(parts.query).get("db", ["0"])[-1]
    return asked != "0" or (parts.scheme != "unix" and parts.path.strip("/") not in {"", "0"})


def load(**overrides: Any) -> Settings:
    """Read the environment and `.env`; refuse what is wrong with a sentence that names the
    variable.
    """
    try:
        return Settings(**overrides)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = (
            PREFIX
            + "__".join(str(part) for part in first["loc"] if not isinstance(part, int)).upper()
        )
        message = str(first["msg"]).removeprefix("Value error, ")
        shown = "" if name.endswith("_URL") else f" {first['input']!r}"
        raise Invalid(f"{name}{shown} is wrong: {message}.", field=name) from error
