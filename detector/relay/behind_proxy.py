"""Connections that come through a load balancer: it says first whom it speaks for, then they go on as any other.

Who must begin with a PROXY header (detector/mail/proxy_protocol.py) is a matter of configuration, by the address that
connects: whether a header is there is never guessed, or every client could choose its own address.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol, cast

from detector import log
from detector.mail.proxy_protocol import ProxyProtocolError, read
from detector.metrics import Metrics
from detector.relay.hosts import canonical
from detector.relay.seldom import SeldomEach

HEADER_TIME = 5.0
"""Seconds for the header; the specification asks for three at least, because of one repeated TCP segment."""

WAITING_LIMIT = 1000
"""Connections whose header is still to come; each holds one header at most."""


class Spoken(Protocol):
    """A protocol that takes its client's address from `peer`."""

    peer: str

    def connection_made(self, transport: asyncio.BaseTransport) -> None: ...
    def data_received(self, data: bytes) -> None: ...


class ProxyDoor:
    """Knows the connections whose header is still to come."""

    def __init__(self, metrics: Metrics) -> None:
        self.waiting: set[BehindProxy] = set()
        self._metrics = metrics
        self._refusals = SeldomEach()

    def refused(self, proxy: str, problem: str) -> None:
        self._metrics.connections_refused.labels("proxy_header").inc()
        if times := self._refusals.times_to_tell((proxy, problem), asyncio.get_running_loop().time()):
            log.connection_refused(proxy, f"PROXY header: {problem}", times)

    def close(self) -> None:
        for connection in tuple(self.waiting):
            connection.abort()


class BehindProxy(asyncio.Protocol):
    """One connection until its header is here; then it says whose it is, and waits until it may `begin`."""

    def __init__(self, door: ProxyDoor, proxy: str, named: Callable[[str, "BehindProxy"], None]) -> None:
        self.peer = proxy
        self._door = door
        self._named = named
        self._octets = b""
        self._transport: asyncio.Transport | None = None
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass of it
        if len(self._door.waiting) >= WAITING_LIMIT:
            self._refuse("too many of them are awaited")
        else:
            self._door.waiting.add(self)
            loop = asyncio.get_running_loop()
            self._deadline = loop.call_later(HEADER_TIME, self._refuse, f"not complete within {HEADER_TIME:g} s")

    def data_received(self, data: bytes) -> None:
        self._octets += data
        if self not in self._door.waiting:  # it speaks before its turn
            return
        try:
            header = read(self._octets)
        except ProxyProtocolError as error:
            self._refuse(str(error))
            return
        if header is not None and self._transport is not None:
            self._forget()
            self._octets = self._octets[header.length :]
            self._transport.pause_reading()
            self._named(canonical(header.source) or self.peer, self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the signature is asyncio's
        if self._octets and self in self._door.waiting:  # one that says nothing at all looks whether the port is open
            self._door.refused(self.peer, "the connection ended within it")
        self._forget()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()
        self._forget()

    def begin(self, session: Spoken) -> None:
        """Its turn has come: the session takes over, and hears what came behind the header."""
        if self._transport is None or self._transport.is_closing():
            return
        self._transport.set_protocol(cast("asyncio.BaseProtocol", session))
        session.connection_made(self._transport)
        if self._octets:
            session.data_received(self._octets)
        self._transport.resume_reading()

    def dismiss(self, octets: bytes) -> None:
        """No session begins; this is the last word."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(octets)
            self._transport.close()

    def _refuse(self, problem: str) -> None:
        self._door.refused(self.peer, problem)
        self.abort()

    def _forget(self) -> None:
        self._door.waiting.discard(self)
        if self._deadline is not None:
            self._deadline.cancel()
