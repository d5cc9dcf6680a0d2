"""Connections that come through a load balancer: it says first whom it speaks for, then they go on as any other.

Who must begin with a PROXY header (detector/mail/proxy_protocol.py) is a matter of configuration, by the address that
connects: whether a header is there is never guessed, or every client could choose its own address.
"""

import asyncio
from typing import Protocol, cast

from detector import log
from detector.config import Network
from detector.mail.proxy_protocol import ProxyProtocolError, read
from detector.metrics import Metrics
from detector.relay.hosts import allowed, canonical

HEADER_TIME = 5.0
"""Seconds for the header; the specification asks for three at least, because of one repeated TCP segment."""

WAITING_LIMIT = 1000
"""Connections whose header is still to come; each holds one header at most."""


class Spoken(Protocol):
    """A protocol that takes its client's address from `peer`, where somebody has said it."""

    peer: str

    def connection_made(self, transport: asyncio.BaseTransport) -> None: ...
    def data_received(self, data: bytes) -> None: ...


class ProxyDoor:
    """Knows the connections whose header is still to come."""

    def __init__(self, metrics: Metrics) -> None:
        self.waiting: set[BehindProxy] = set()
        self._metrics = metrics

    def before(self, inner: Spoken, proxies: tuple[Network, ...]) -> asyncio.BaseProtocol:
        """What a new connection begins with: without proxies `inner` itself, so that it costs nothing."""
        return BehindProxy(self, inner, proxies) if proxies else cast("asyncio.BaseProtocol", inner)

    def refused(self, proxy: str, problem: str) -> None:
        self._metrics.connections_refused.labels("proxy_header").inc()
        log.connection_refused(proxy, f"PROXY header: {problem}")

    def close(self) -> None:
        for connection in tuple(self.waiting):
            connection.abort()


class BehindProxy(asyncio.Protocol):
    """One connection until its header is here."""

    def __init__(self, door: ProxyDoor, inner: Spoken, proxies: tuple[Network, ...]) -> None:
        self._door = door
        self._inner = inner
        self._proxies = proxies
        self._proxy = ""
        self._octets = b""
        self._transport: asyncio.Transport | None = None
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass of it
        self._proxy = str((transport.get_extra_info("peername") or ("",))[0])
        if not allowed(self._proxy, self._proxies):
            self._hand_over("", b"")
        elif len(self._door.waiting) >= WAITING_LIMIT:
            self._refuse("too many of them are awaited")
        else:
            self._door.waiting.add(self)
            loop = asyncio.get_running_loop()
            self._deadline = loop.call_later(HEADER_TIME, self._refuse, f"not complete within {HEADER_TIME:g} s")

    def data_received(self, data: bytes) -> None:
        self._octets += data
        try:
            header = read(self._octets)
        except ProxyProtocolError as error:
            self._refuse(str(error))
            return
        if header is not None:
            self._hand_over(header.source, self._octets[header.length :])

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the signature is asyncio's
        if self._octets and self in self._door.waiting:  # one that says nothing at all looks whether the port is open
            self._door.refused(self._proxy, "the connection ended within it")
        self._forget()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()
        self._forget()

    def _hand_over(self, source: str, rest: bytes) -> None:
        self._forget()
        if self._transport is None:
            return
        self._inner.peer = canonical(source)
        self._transport.set_protocol(cast("asyncio.BaseProtocol", self._inner))
        self._inner.connection_made(self._transport)
        if rest:
            self._inner.data_received(rest)

    def _refuse(self, problem: str) -> None:
        self._door.refused(self._proxy, problem)
        self.abort()

    def _forget(self) -> None:
        self._door.waiting.discard(self)
        if self._deadline is not None:
            self._deadline.cancel()
