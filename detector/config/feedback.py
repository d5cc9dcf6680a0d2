"""What comes back: the logs of mail servers, and for how long it is known whose mail the next hop took."""

from collections import Counter
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from detector.config.errors import Contradiction
from detector.config.tags import Tags
from detector.config.values import LOOPBACK, AbsolutePath, Count, HostPort, Network, Seconds, Section, not_empty, shaped


class FollowedLog(Section):
    """A log of the outbound MTA. `next_hops` are those of `next_hop.servers` that may have written it; none: any."""

    mta: Literal["postfix", "exim"]
    next_hops: tuple[HostPort, ...] = ()

    @property
    def name(self) -> str:
        """Of its position, for logs and metrics."""
        raise AssertionError


class FileLog(FollowedLog):
    """A file, with what rotation makes of it."""

    source: Literal["file"]
    path: AbsolutePath

    @property
    def name(self) -> str:
        return str(self.path)


class JournalLog(FollowedLog):
    """systemd's journal, read by this program and arguments."""

    source: Literal["journald"]
    journalctl: Annotated[tuple[str, ...], AfterValidator(not_empty)] = ("journalctl",)

    @property
    def name(self) -> str:
        return " ".join(self.journalctl)


class SyslogTls(Section):
    """What senders are shown; with `client_ca` they must show a certificate of it, too."""

    certificate: AbsolutePath
    key: AbsolutePath
    client_ca: AbsolutePath | None = None


class SyslogLog(FollowedLog):
    """Syslog from the network."""

    source: Literal["syslog"]
    transport: Literal["udp", "tcp", "tls"] = "udp"
    listen: HostPort = HostPort(host="127.0.0.1", port=10514)
    clients: Annotated[tuple[Network, ...], AfterValidator(not_empty)] = LOOPBACK
    tls: SyslogTls | None = None

    @property
    def name(self) -> str:
        return f"{self.transport} {self.listen}"

    def contradictions(self) -> Iterator[Contradiction]:
        if self.transport == "tls" and self.tls is None:
            yield Contradiction("transport = 'tls' needs a certificate", (("tls",), ("transport",)))
        if self.transport != "tls" and self.tls is not None:
            text = f"transport = '{self.transport}' shows no certificate; write transport = 'tls'"
            yield Contradiction(text, (("tls",), ("transport",)))


Logs = Annotated[FileLog | JournalLog | SyslogLog, Field(discriminator="source")]


class ReportMaildir(Section):
    """A Maildir into which a mail server delivers bounces and complaints; we read, and mark as read."""

    path: AbsolutePath


class Feedback(Section):
    """Results of mail that passed. `addresses` are those to which reports come by SMTP, where we `listen`."""

    tags: Tags = Tags()
    listen: tuple[HostPort, ...] = ()
    clients: Annotated[tuple[Network, ...], AfterValidator(not_empty)] = LOOPBACK
    addresses: tuple[
        Annotated[str, shaped(r"[^\s@<>]+@[^\s@<>]+", "an address, for example bounces@hop.example.net")], ...
    ] = ()
    maildirs: tuple[ReportMaildir, ...] = ()
    logs: tuple[Logs, ...] = ()
    remember_time: Seconds = 2_592_000.0  # as long as a tag lives: complaints may come weeks after the mail
    remember_count: Count = 1_000_000

    def contradictions(self) -> Iterator[Contradiction]:
        if bool(self.listen) != bool(self.addresses):
            text = "both or none: where reports come in by SMTP, and the addresses to which they come"
            yield Contradiction(text, (("listen",), ("addresses",)))
        for path, count in Counter(maildir.path for maildir in self.maildirs).items():
            if count > 1:
                yield Contradiction(f"'{path}' is read {count} times", (("maildirs",),))
        for name, count in Counter(log.name for log in self.logs).items():
            if count > 1:
                yield Contradiction(f"'{name}' is followed {count} times: each line would count as often", (("logs",),))
