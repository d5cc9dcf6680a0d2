"""The SMTP side: whom we serve, what one of them may use up, and where the mail goes."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from detector.config.errors import Contradiction
from detector.config.values import (
    LOOPBACK,
    AbsolutePath,
    Bytes,
    Count,
    HostPort,
    Network,
    Seconds,
    Section,
    not_empty,
    shaped,
)


class ServerTls(Section):
    """STARTTLS offered to clients; with `client_ca` they must show a certificate of it, too."""

    mode: Literal["off", "may", "require"] = "off"
    certificate: AbsolutePath | None = None
    key: AbsolutePath | None = None
    client_ca: AbsolutePath | None = None

    def contradictions(self) -> Iterator[Contradiction]:
        if self.mode != "off" and (self.certificate is None or self.key is None):
            yield Contradiction(
                f"mode = '{self.mode}' needs `certificate` and `key`", (("mode",), ("certificate",), ("key",))
            )
        if self.mode == "off" and (self.certificate or self.key):
            text = "a certificate is named, but mode = 'off' never shows it; write 'may' or 'require'"
            yield Contradiction(text, (("mode",), ("certificate",), ("key",)))
        if self.client_ca is not None and self.mode != "require":
            text = f"mode = '{self.mode}' lets clients send without TLS, so nobody needs a certificate of `client_ca`"
            yield Contradiction(f"{text}; write mode = 'require'", (("client_ca",), ("mode",)))


class ClientTls(Section):
    """STARTTLS towards the next hop. `verify` requires TLS and a certificate valid for the host's name."""

    mode: Literal["off", "may", "require", "verify"] = "may"
    ca_file: AbsolutePath | None = None

    def contradictions(self) -> Iterator[Contradiction]:
        if self.ca_file is not None and self.mode != "verify":
            text = f"mode = '{self.mode}' looks at no certificate, so `ca_file` has no effect; write mode = 'verify'"
            yield Contradiction(text, (("ca_file",), ("mode",)))


class Limits(Section):
    """What one client, one session and one message may use up; beyond it the client gets a clear reply."""

    connections: Count = 500
    connections_per_client: Count = 100
    recipients_per_transaction: Count = 1000
    message_size_bytes: Bytes = 104_857_600
    message_memory_bytes: Annotated[int, Field(ge=524_288)] = 1_048_576  # room for the largest header section
    commands_per_session: Count = 100_000
    errors_per_session: Count = 20
    idle_time: Seconds = 300.0
    command_time: Seconds = 300.0
    data_time: Seconds = 600.0
    stop_time: Seconds = 30.0


class Relay(Section):
    """The SMTP server side."""

    listen: Annotated[tuple[HostPort, ...], AfterValidator(not_empty)] = (HostPort(host="127.0.0.1", port=10025),)
    hostname: Annotated[str, shaped(r"[A-Za-z0-9.\-\[\]:]+", "a host name, for example hop.example.net")] = "localhost"
    clients: Annotated[tuple[Network, ...], AfterValidator(not_empty)] = LOOPBACK
    proxy_clients: tuple[Network, ...] = ()
    xforward_clients: tuple[Network, ...] = LOOPBACK
    xclient_clients: tuple[Network, ...] = ()
    spool_directory: AbsolutePath | None = None
    tls: ServerTls = ServerTls()
    limits: Limits = Limits()


def _has_port(servers: tuple[HostPort, ...]) -> tuple[HostPort, ...]:
    for server in servers:
        if server.port == 0:
            msg = f"'{server}': nobody listens on port 0; write the port of the server"
            raise ValueError(msg)
    return servers


class NextHop(Section):
    """The servers that mail is handed to, in order of preference."""

    servers: Annotated[tuple[HostPort, ...], AfterValidator(not_empty), AfterValidator(_has_port)] = (
        HostPort(host="127.0.0.1", port=10026),
    )
    tls: ClientTls = ClientTls()
    connections: Count = 100
    connect_time: Seconds = 10.0
    reply_time: Seconds = 300.0
    keep_time: Seconds = 60.0
    retry_dead_after: Seconds = 10.0


class PolicyService(Section):
    """The side-car that Postfix asks by `check_policy_service`; it always answers DUNNO."""

    listen: tuple[HostPort, ...] = (HostPort(host="127.0.0.1", port=10031),)
    clients: tuple[Network, ...] = LOOPBACK
    proxy_clients: tuple[Network, ...] = ()
    remember_time: Seconds = 432_000.0  # Postfix maximal_queue_lifetime
    remember_count: Count = 1_000_000
