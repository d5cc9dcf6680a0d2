"""The whole file, and what must fit together between its sections."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from detector.config.database import DatabaseUrl, is_shared
from detector.config.errors import Contradiction, Place
from detector.config.feedback import Feedback, SyslogLog
from detector.config.hold import Hold
from detector.config.identity import EnvelopeIdentity, Identities, PolicyServiceIdentity, XclientIdentity
from detector.config.operators import Operators
from detector.config.relay import NextHop, PolicyService, Relay
from detector.config.response import Response
from detector.config.shared import SharedState
from detector.config.values import AbsolutePath, Count, Flag, HostPort, Nats, Seconds, Section, not_empty, overlap
from detector.verdict.verdict import Group


class Judging(Section):
    """The thresholds of the ledger (nats), groups of evidence without a say, and the recipient window (recipients)."""

    block_score: Nats = 11.5
    hold_score: Nats = 6.3
    silent_groups: frozenset[Group] = frozenset()
    window_start: Count = 20
    window_least: Count = 5
    window_most: Count = 500
    clean_after: Seconds = 600.0

    def contradictions(self) -> Iterator[Contradiction]:
        if self.hold_score > self.block_score:
            text = f"hold_score must not be above block_score ({self.block_score})"
            yield Contradiction(text, (("hold_score",), ("block_score",)))
        if not self.window_least <= self.window_start <= self.window_most:
            text = "must hold: window_least <= window_start <= window_most"
            yield Contradiction(text, (("window_start",), ("window_least",), ("window_most",)))


class State(SharedState):
    """Account profiles and campaigns: in memory, written behind to SQLite; with `url` in Valkey or Redis."""

    directory: AbsolutePath = Path("/var/lib/detector")
    write_every: Annotated[float, Field(gt=0, le=2.0, strict=True)] = 1.0
    accounts: Count = 100_000
    keep_profiles: Seconds = 63_072_000.0


class Records(Section):
    """Incidents, strikes, decisions and the audit log, in SQL. Empty: SQLite beside the state."""

    url: DatabaseUrl = ""
    keep_verdicts: Seconds = 2_592_000.0
    keep_incidents: Seconds = 63_072_000.0
    keep_audit: Annotated[float, Field(ge=0, strict=True, allow_inf_nan=False)] = 0.0


class Metrics(Section):
    """Where Prometheus and health checks ask: /metrics, /health/live, /health/ready."""

    listen: HostPort = HostPort(host="127.0.0.1", port=9478)


class Log(Section):
    """What is told on standard error, and in which form."""

    format: Literal["json", "console"] = "json"
    level: Literal["debug", "info", "warning", "error"] = "info"


class Config(Section):
    """The whole file.

    `patience` is what a command waits for disks and servers of ours in all; then its transaction goes by `when_broken`.
    """

    mode: Literal["after-queue", "before-queue"] = "after-queue"
    observe: Flag = True
    when_broken: Literal["relay", "defer"] = "relay"
    patience: Seconds = 0.2
    unknown_identity: Literal["relay", "defer", "reject"] = "relay"
    workers: Annotated[int, Field(ge=1, le=256, strict=True)] = 1
    identity: Annotated[tuple[Identities, ...], AfterValidator(not_empty)] = (
        PolicyServiceIdentity(source="policy-service"),
    )
    relay: Relay = Relay()
    next_hop: NextHop = NextHop()
    policy_service: PolicyService = PolicyService()
    judging: Judging = Judging()
    state: State = State()
    records: Records = Records()
    hold: Hold = Hold()
    feedback: Feedback = Feedback()
    response: Response = Response()
    operators: Operators = Operators()
    metrics: Metrics = Metrics()
    log: Log = Log()

    def contradictions(self) -> Iterator[Contradiction]:
        yield from self._replies()
        yield from self._identity()
        yield from self._databases()
        yield from self._addresses()
        yield from self._logs()
        yield from self._workers()

    def _replies(self) -> Iterator[Contradiction]:
        if self.mode == "after-queue" and self.unknown_identity == "reject":
            text = "'reject' would bounce mail after the queue; use 'defer', or mode = 'before-queue'"
            yield Contradiction(text, (("unknown_identity",), ("mode",)))

    def _identity(self) -> Iterator[Contradiction]:
        here: Place = ("identity",)
        kinds = [type(source) for source in self.identity]
        if XclientIdentity in kinds and not self.relay.xclient_clients:
            text = "source 'xclient' needs `relay.xclient_clients`: who may say it?"
            yield Contradiction(text, (here, ("relay", "xclient_clients")))
        if EnvelopeIdentity in kinds[:-1]:
            yield Contradiction("'envelope-sender' nearly always has an answer; it must be the last source", (here,))
        if PolicyServiceIdentity in kinds:
            yield from self._policy_service()

    def _policy_service(self) -> Iterator[Contradiction]:
        if not self.policy_service.listen:
            text = "source 'policy-service' needs an address on which Postfix can ask"
            yield Contradiction(text, (("policy_service", "listen"), ("identity",)))
        # The same hosts hand us mail, tell its queue id by XFORWARD and ask the policy service, or nothing is joined.
        for section, key in (("relay", "xforward_clients"), ("policy_service", "clients")):
            if not overlap(self.relay.clients, getattr(getattr(self, section), key)):
                text = "no host of `relay.clients` is among these, so source 'policy-service' never learns a login"
                yield Contradiction(text, ((section, key), ("relay", "clients"), ("identity",)))

    def _databases(self) -> Iterator[Contradiction]:
        if is_shared(self.workflow_url) != is_shared(self.records_url):
            # Else several processes would contain an incident, or one that another process cannot know.
            text = "must be PostgreSQL if, and only if, the records are"
            yield Contradiction(text, (("response", "workflow_url"), ("records", "url")))

    def _addresses(self) -> Iterator[Contradiction]:
        used: dict[HostPort, Place] = {}
        listening: tuple[tuple[Place, tuple[HostPort, ...]], ...] = (
            (("relay", "listen"), self.relay.listen),
            (("policy_service", "listen"), self.policy_service.listen),
            (("metrics", "listen"), (self.metrics.listen,)),
            (("feedback", "logs"), self._syslog_streams()),
            (("feedback", "listen"), self.feedback.listen),
        )
        for place, addresses in listening:
            for address in addresses:
                if address.port != 0 and address in used:
                    other = ".".join(map(str, used[address]))
                    yield Contradiction(f"{address} is already taken by `{other}`", (place, used[address]))
                used.setdefault(address, place)
        for server in self.next_hop.servers:
            if server in self.relay.listen:
                text = f"{server} is our own address (`relay.listen`): mail would run in a circle"
                yield Contradiction(text, (("next_hop", "servers"), ("relay", "listen")))

    def _syslog_streams(self) -> tuple[HostPort, ...]:
        logs = self.feedback.logs
        return tuple(log.listen for log in logs if isinstance(log, SyslogLog) and log.transport != "udp")

    def _logs(self) -> Iterator[Contradiction]:
        for number, followed in enumerate(self.feedback.logs):
            for server in followed.next_hops:
                if server not in self.next_hop.servers:
                    text = f"{server} is none of `next_hop.servers`: no message of ours is known to it"
                    yield Contradiction(text, (("feedback", "logs", number, "next_hops"), ("next_hop", "servers")))

    def _workers(self) -> Iterator[Contradiction]:
        if self.workers == 1:
            return
        if not self.state.url:
            text = (
                f"{self.workers} workers must know the same of each account: name a Valkey or Redis, for example "
                f"url = 'valkey://127.0.0.1:6379/0' in [state], or write workers = 1"
            )
            yield Contradiction(text, (("workers",), ("state", "url")))
        for section, addresses in (("relay", self.relay.listen), ("policy_service", self.policy_service.listen)):
            if any(address.port == 0 for address in addresses):
                text = "each of several workers would take another free port; write the port"
                yield Contradiction(text, ((section, "listen"), ("workers",)))

    @property
    def spool_directory(self) -> Path:
        return self.relay.spool_directory or self.state.directory / "spool"

    @property
    def hold_directory(self) -> Path:
        return self.hold.directory or self.state.directory / "held"

    @property
    def reports_directory(self) -> Path:
        """Where reports that came in wait for their effect."""
        return self.state.directory / "reports"

    @property
    def hold_key(self) -> Path:
        """The key that the program makes itself, where none is configured."""
        return self.state.directory / "hold.key"

    @property
    def records_url(self) -> str:
        return self.records.url or f"sqlite:///{self.state.directory / 'records.sqlite'}"

    @property
    def workflow_url(self) -> str:
        """Of the database of containments under way."""
        if self.response.workflow_url or is_shared(self.records_url):
            return self.response.workflow_url or self.records_url
        return f"sqlite:///{self.state.directory / 'containment.sqlite'}"
