"""An SMTP door for reports: takes mail for the operator's own addresses, for our tagged ones, and for nobody else.

A tagged address (`bt=TAG=ann@...`, `mail.tag`) is one that a bounce goes to. It may be all that ties the bounce to its
transaction, so it is kept with the report. Its domain does not matter: nothing is sent on. Who copies bounces to us
knows the form of a tag and not its key, so mail to one that is expired or forged is taken as well, and dropped: a
refusal would make a bounce of the copy.

A report is on disk before its sender hears 250; its effect comes a moment later (`maildir`). Nothing is ever sent from
here, so no loop of null senders and vacation notes can begin.
"""

import asyncio
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any, cast

from aiosmtpd.smtp import SMTP, Envelope, Session

from detector import log
from detector.config.values import HostPort
from detector.feedback.maildir import Full, Spool
from detector.mail.address import Address
from detector.mail.tag import untagged
from detector.metrics import Metrics

MOST_BYTES = 10_000_000
"""A report with the message that it is about; what is beyond the bounds of reading is not looked at."""
MOST_CONNECTIONS = 20
"""Each may hold a message in memory."""
MOST_RECIPIENTS = 10
MOST_COMMANDS = 100
"""Of each kind in a session."""
IDLE_TIME = 60.0
MOST_TIME = 600.0
"""Seconds of a session."""
LINE_BYTES = 65_536
TAKEN = "250 2.0.0 Taken"
TOO_LARGE = ("552 ", "500 Line too long")
"""How the library's refusals of a message begin that is too large, or has a line that is."""


@dataclass(slots=True)
class Door:
    """Listens between `start` and `stop`. `addresses` are keys of addresses (`Address.key`).

    `is_tagged` tells whether an address has a tag that we signed.
    """

    listen: Sequence[HostPort]
    addresses: frozenset[str]
    clients: Sequence[IPv4Network | IPv6Network]
    hostname: str
    spool: Spool
    new_id: Callable[[], str]
    metrics: Metrics
    tls: ssl.SSLContext | None = None
    is_tagged: Callable[[Address], bool] = lambda _: False
    _servers: list[asyncio.Server] = field(init=False, default_factory=list)
    _sessions: set["_Session"] = field(init=False, default_factory=set)

    async def start(self) -> None:
        """Raises `OSError`."""
        loop = asyncio.get_running_loop()
        for address in self.listen:
            self._servers.append(await loop.create_server(lambda: _Session(self), address.host, address.port))

    @property
    def ports(self) -> list[int]:
        return [socket.getsockname()[1] for server in self._servers for socket in server.sockets]

    async def stop(self) -> None:
        for server in self._servers:
            server.close()
        for session in list(self._sessions):
            session.end()

    # -- for sessions --

    def enter(self, session: "_Session", peer: str) -> bytes:
        """The refusal, or nothing."""
        address = ip_address(peer.partition("%")[0])
        address = getattr(address, "ipv4_mapped", None) or address
        if not any(address in network for network in self.clients):
            return self.refused("limit", b"554 5.7.1 No mail from your address here\r\n")
        if len(self._sessions) >= MOST_CONNECTIONS:
            return self.refused("limit", b"421 4.7.0 Too many connections, try again later\r\n")
        self._sessions.add(session)
        return b""

    def leave(self, session: "_Session") -> None:
        self._sessions.discard(session)

    def refused(self, reason: str, reply: bytes) -> bytes:
        """The reply, counted."""
        self.metrics.feedback_problems.labels(reason).inc()
        return reply

    async def handle_EHLO(  # noqa: N802 - as aiosmtpd calls it
        self, _server: SMTP, session: Session, _envelope: Envelope, hostname: str, offered: list[str]
    ) -> list[str]:
        """Under TLS the library offers a login, of no kind."""
        session.host_name = hostname
        return [line for line in offered if not line.startswith("250-AUTH")]

    async def handle_RCPT(  # noqa: N802 - as aiosmtpd calls it
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        parsed = Address.parse(address)
        if parsed.key not in self.addresses and not untagged(parsed)[1]:
            return self.refused("address", b"550 5.1.1 No such address here").decode()
        if len(envelope.rcpt_tos) >= MOST_RECIPIENTS:
            return self.refused("limit", b"452 4.5.3 Too many recipients").decode()
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """250 once it is durable, or known to tie nothing."""
        ours = [address for address in map(Address.parse, envelope.rcpt_tos) if address.key in self.addresses]
        tagged = [address for address in envelope.rcpt_tos if self.is_tagged(Address.parse(address))]
        if not ours and not tagged:
            self.refused("tag", b"")
            return TAKEN
        traces = b"".join(b"X-Original-To: %s\r\n" % address.encode("utf-8", "replace") for address in tagged)
        try:
            await asyncio.to_thread(self.spool.keep, self.new_id(), traces + cast("bytes", envelope.content))
        except Full:
            return self.refused("limit", b"452 4.3.1 Too much mail waits here, try again later").decode()
        except OSError as error:
            log.report_failed("the door", str(error))
            return self.refused("disk", b"452 4.3.1 The disk does not take it, try again later").decode()
        return TAKEN


class _Session(SMTP):
    """One connection."""

    line_length_limit = LINE_BYTES

    def __init__(self, door: Door) -> None:
        super().__init__(
            door,
            hostname=door.hostname,
            ident="ESMTP",
            data_size_limit=MOST_BYTES,
            enable_SMTPUTF8=True,
            tls_context=door.tls,
            timeout=IDLE_TIME,
            command_call_limit=MOST_COMMANDS,
            auth_exclude_mechanism=("LOGIN", "PLAIN"),
            loop=asyncio.get_running_loop(),
        )
        self._door = door
        self._entered = False
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if self._entered:  # a second time, under TLS
            super().connection_made(transport)
            return
        stream = cast("asyncio.Transport", transport)
        peername = stream.get_extra_info("peername")
        refusal = self._door.enter(self, peername[0]) if peername else b"421 4.4.2 Gone\r\n"
        if refusal:
            stream.write(refusal)
            stream.close()
            return
        self._entered = True
        self._deadline = asyncio.get_running_loop().call_later(MOST_TIME, self.end)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        if not self._entered:
            return
        if self._deadline is not None:
            self._deadline.cancel()
        self._door.leave(self)
        super().connection_lost(error)

    def data_received(self, data: bytes) -> None:
        if self._entered:
            super().data_received(data)

    async def push(self, status: Any) -> None:
        if isinstance(status, str) and status.startswith(TOO_LARGE):
            self._door.refused("size", b"")
        await super().push(status)

    def eof_received(self) -> bool | None:
        return super().eof_received() if self._entered else False

    def end(self) -> None:
        if self.transport is not None:
            cast("Any", self.transport).abort()
