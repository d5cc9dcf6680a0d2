"""The configuration: one TOML file, every key with its meaning and unit, every error at once.

Times are in seconds, sizes in bytes. `deploy/detector.toml` shows every key with its default. Unknown keys, wrong
types and contradictions are refused together, each with its place. Secrets stand in files or in the environment, not here.
"""

import re
import tomllib
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

Network = IPv4Network | IPv6Network
Seconds = Annotated[float, Field(gt=0)]
Bytes = Annotated[int, Field(gt=0)]
Count = Annotated[int, Field(gt=0)]
LOOPBACK = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))


class ConfigError(Exception):
    """The operator must act; the text says on what, and where. One line for each mistake."""


class Section(BaseModel):
    """A table of the file. Frozen; a key it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


class HostPort(Section):
    """A TCP address, written `host:port` or `[ipv6]:port`; port 0 lets the system choose."""

    host: str
    port: Annotated[int, Field(ge=0, le=65535)]

    @model_validator(mode="before")
    @classmethod
    def split(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([^:\[\]\s]+)):(\d{1,5})", value)
        if match is None:
            msg = f"'{value}' is not an address; write host:port, for example 127.0.0.1:10025 or [::1]:10025"
            raise ValueError(msg)
        return {"host": match.group(1) or match.group(2), "port": int(match.group(3))}

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class SecretSource(Section):
    """Where a secret stands: a file that only we may read, or an environment variable; exactly one of them."""

    file: Path | None = None
    environment: str | None = None

    @model_validator(mode="after")
    def exactly_one(self) -> Self:
        if (self.file is None) == (self.environment is None):
            msg = "name exactly one of `file` and `environment`"
            raise ValueError(msg)
        return self


class ServerTls(Section):
    """STARTTLS offered to clients."""

    mode: Literal["off", "may", "require"] = "off"
    certificate: Path | None = None
    key: Path | None = None

    @model_validator(mode="after")
    def certificate_present(self) -> Self:
        if self.mode != "off" and (self.certificate is None or self.key is None):
            msg = f"mode = '{self.mode}' needs `certificate` and `key`"
            raise ValueError(msg)
        return self


class ClientTls(Section):
    """STARTTLS towards the next hop. `verify` requires TLS and a certificate valid for the host's name."""

    mode: Literal["off", "may", "require", "verify"] = "may"
    ca_file: Path | None = None


class Limits(Section):
    """What one client, one session and one message may use up; beyond it the client gets a clear reply."""

    connections: Count = 500
    connections_per_client: Count = 100
    recipients_per_transaction: Count = 1000
    message_size_bytes: Bytes = 104_857_600
    message_memory_bytes: Bytes = 1_048_576
    commands_per_session: Count = 100_000
    errors_per_session: Count = 20
    idle_time: Seconds = 300.0
    command_time: Seconds = 300.0
    data_time: Seconds = 600.0
    stop_time: Seconds = 30.0


class Relay(Section):
    """The SMTP server side."""

    listen: tuple[HostPort, ...] = (HostPort(host="127.0.0.1", port=10025),)
    hostname: Annotated[str, Field(pattern=r"^[A-Za-z0-9.\-\[\]:]+$")] = "localhost"
    clients: tuple[Network, ...] = LOOPBACK
    xforward_clients: tuple[Network, ...] = LOOPBACK
    xclient_clients: tuple[Network, ...] = ()
    spool_directory: Path | None = None
    tls: ServerTls = ServerTls()
    limits: Limits = Limits()

    @field_validator("listen")
    @classmethod
    def not_empty(cls, value: tuple[HostPort, ...]) -> tuple[HostPort, ...]:
        if not value:
            msg = "at least one address is needed"
            raise ValueError(msg)
        return value


class NextHop(Section):
    """The servers that mail is handed to, in order of preference."""

    servers: tuple[HostPort, ...] = (HostPort(host="127.0.0.1", port=10026),)
    tls: ClientTls = ClientTls()
    connections: Count = 100
    connect_time: Seconds = 10.0
    reply_time: Seconds = 300.0
    keep_time: Seconds = 60.0
    retry_dead_after: Seconds = 10.0

    @field_validator("servers")
    @classmethod
    def not_empty(cls, value: tuple[HostPort, ...]) -> tuple[HostPort, ...]:
        if not value:
            msg = "at least one server is needed"
            raise ValueError(msg)
        return value


class PolicyServiceIdentity(Section):
    """The login that Postfix told the policy service, joined by queue id or by client address and port."""

    source: Literal["policy-service"]
    trusted: bool = True


class XclientIdentity(Section):
    """XCLIENT LOGIN from a client in `relay.xclient_clients`."""

    source: Literal["xclient"]
    trusted: bool = True


class HeaderIdentity(Section):
    """A header above the first Received. `pattern` has one group: the account. All copies are removed on exit."""

    source: Literal["header"]
    name: Annotated[str, Field(pattern=r"^[!-9;-~]+$")]
    pattern: str = r"^(.+)$"
    strip: bool = True
    trusted: bool = False

    @field_validator("pattern")
    @classmethod
    def one_group(cls, value: str) -> str:
        try:
            groups = re.compile(value).groups
        except re.error as error:
            msg = f"not a regular expression: {error}"
            raise ValueError(msg) from error
        if groups != 1:
            msg = f"must have exactly one group, the account; it has {groups}"
            raise ValueError(msg)
        return value


class AuthParameterIdentity(Section):
    """The AUTH= parameter of MAIL, believed only from servers that set it themselves (Postfix does not)."""

    source: Literal["auth-parameter"]
    honest_clients: tuple[Network, ...]
    trusted: bool = False


class EnvelopeIdentity(Section):
    """The reverse-path. A thief can choose it: never trusted."""

    source: Literal["envelope-sender"]


Identities = Annotated[
    PolicyServiceIdentity | XclientIdentity | HeaderIdentity | AuthParameterIdentity | EnvelopeIdentity,
    Field(discriminator="source"),
]


class PolicyService(Section):
    """The side-car that Postfix asks by `check_policy_service`; it always answers DUNNO."""

    listen: tuple[HostPort, ...] = (HostPort(host="127.0.0.1", port=10031),)
    clients: tuple[Network, ...] = LOOPBACK
    remember_time: Seconds = 432_000.0  # Postfix maximal_queue_lifetime
    remember_count: Count = 1_000_000


class Judging(Section):
    """The thresholds of the ledger, in nats, and the recipient window (recipients)."""

    block_score: Annotated[float, Field(gt=0)] = 11.5
    suspicion_score: Annotated[float, Field(gt=0)] = 8.5
    window_start: Count = 20
    window_least: Count = 5
    window_most: Count = 500
    clean_after: Seconds = 600.0

    @model_validator(mode="after")
    def ordered(self) -> Self:
        if self.suspicion_score > self.block_score:
            msg = "suspicion_score must not be above block_score"
            raise ValueError(msg)
        if not self.window_least <= self.window_start <= self.window_most:
            msg = "must hold: window_least <= window_start <= window_most"
            raise ValueError(msg)
        return self


class State(Section):
    """Account profiles: in memory, written behind to SQLite."""

    directory: Path = Path("/var/lib/detector")
    write_every: Annotated[float, Field(gt=0, le=2.0)] = 1.0
    accounts: Count = 1_000_000


class Records(Section):
    """Incidents, strikes, decisions and the audit log, in SQL. Empty: SQLite beside the state."""

    url: str = ""
    keep_verdicts: Seconds = 2_592_000.0


class PasswdFileProvider(Section):
    """A Dovecot passwd-file, replaced atomically."""

    provider: Literal["passwd-file"]
    path: Path
    scheme: Literal["BLF-CRYPT", "SHA512-CRYPT", "SHA256-CRYPT"] = "BLF-CRYPT"


class CommandAction(Section):
    """A program: argv as written, JSON on standard input, no shell. Exit 0: done, 75: try again, other: refused."""

    provider: Literal["command"]
    argv: Annotated[tuple[str, ...], Field(min_length=1)]
    timeout: Seconds = 30.0


class HttpAction(Section):
    """An HTTP endpoint: POST of JSON, signed with HMAC-SHA256 over time stamp and body, with an idempotency key."""

    provider: Literal["http"]
    url: Annotated[str, Field(pattern=r"^https?://")]
    secret: SecretSource
    timeout: Seconds = 10.0
    ca_file: Path | None = None

    @model_validator(mode="after")
    def encrypted_beyond_loopback(self) -> Self:
        if self.url.startswith("http://") and not re.match(
            r"http://(localhost|127\.\d+\.\d+\.\d+|\[::1\])[:/]", self.url + "/"
        ):
            msg = "plain http is allowed to this host only; use https"
            raise ValueError(msg)
        return self


class DovecotSessions(Section):
    """`doveadm auth cache flush`, then `doveadm kick`."""

    provider: Literal["dovecot"]
    doveadm: tuple[str, ...] = ("doveadm",)
    timeout: Seconds = 30.0


class CsvDirectory(Section):
    """A CSV file with a header line: account,address and optionally name,language."""

    provider: Literal["csv"]
    path: Path


class NoticeSettings(Section):
    """The e-mail to the customer, sent through the next hop with a null reverse-path."""

    sender: Annotated[str, Field(pattern=r"^[^@\s<>]+@[^@\s<>]+$")]
    sender_name: str = "Abuse desk"
    template: Path | None = None
    contact: str = ""


class HookSettings(Section):
    """A target that is told about events. `redaction`: what leaves the host."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]
    action: Annotated[CommandAction | HttpAction, Field(discriminator="provider")]
    redaction: Literal["none", "account", "account-and-evidence"] = "account-and-evidence"


class Retry(Section):
    """How often and how fast a failing step is tried again: the wait doubles each time."""

    attempts: Count = 10
    first_wait: Seconds = 2.0


class Response(Section):
    """What is done about an incident. A part that is not named is not done, and the timeline says so."""

    password: Annotated[PasswdFileProvider | CommandAction | HttpAction, Field(discriminator="provider")] | None = None
    sessions: Annotated[DovecotSessions | CommandAction, Field(discriminator="provider")] | None = None
    directory: Annotated[CsvDirectory | CommandAction, Field(discriminator="provider")] | None = None
    notice: NoticeSettings | None = None
    hooks: tuple[HookSettings, ...] = ()
    password_changes_per_hour: Count = 20
    retry: Retry = Retry()

    @model_validator(mode="after")
    def consistent(self) -> Self:
        problems = []
        if self.notice is not None and self.directory is None:
            problems.append("`notice` needs a `directory`: who is to be told, and where?")
        names = [hook.name for hook in self.hooks]
        if len(set(names)) != len(names):
            problems.append("two hooks have the same name")
        if problems:
            raise ValueError("; ".join(problems))
        return self


class Metrics(Section):
    """Where Prometheus and health checks ask: /metrics, /health/live, /health/ready."""

    listen: HostPort = HostPort(host="127.0.0.1", port=9478)


class Log(Section):
    format: Literal["json", "console"] = "json"
    level: Literal["debug", "info", "warning", "error"] = "info"


class Config(Section):
    """The whole file."""

    mode: Literal["after-queue", "before-queue"] = "after-queue"
    observe: bool = True
    when_broken: Literal["relay", "defer"] = "relay"
    unknown_identity: Literal["relay", "defer", "reject"] = "relay"
    identity: tuple[Identities, ...] = (PolicyServiceIdentity(source="policy-service"),)
    relay: Relay = Relay()
    next_hop: NextHop = NextHop()
    policy_service: PolicyService = PolicyService()
    judging: Judging = Judging()
    state: State = State()
    records: Records = Records()
    response: Response = Response()
    metrics: Metrics = Metrics()
    log: Log = Log()

    @model_validator(mode="after")
    def consistent(self) -> Self:
        problems = []
        if any(isinstance(source, XclientIdentity) for source in self.identity) and not self.relay.xclient_clients:
            problems.append("identity source 'xclient' needs `relay.xclient_clients`: who may say it?")
        if self.mode == "after-queue" and self.unknown_identity == "reject":
            problems.append(
                "unknown_identity = 'reject' would bounce mail after the queue; use 'defer' or mode = 'before-queue'"
            )
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def spool_directory(self) -> Path:
        return self.relay.spool_directory or self.state.directory / "spool"

    @property
    def records_url(self) -> str:
        return self.records.url or f"sqlite:///{self.state.directory / 'records.sqlite'}"


def parse(text: str, source: str = "configuration") -> Config:
    """Read a configuration. Raises `ConfigError` with one line for every mistake, each with its place."""
    try:
        values: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        msg = f"{source}: not TOML: {error}"
        raise ConfigError(msg) from error
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        lines = [f"{source}: {_complaint(problem)}" for problem in error.errors()]
        raise ConfigError("\n".join(lines)) from error


def load(path: Path) -> Config:
    """Read the configuration file. Raises `ConfigError`."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{path}: cannot be read: {error}"
        raise ConfigError(msg) from error
    return parse(text, str(path))


def _complaint(problem: Any) -> str:
    place = "$" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        return f"unknown key `{problem['loc'][-1]}` - at `{place}`"
    message = str(problem["msg"]).removeprefix("Value error, ")
    return f"{message[:1].lower()}{message[1:]} - at `{place}`"
