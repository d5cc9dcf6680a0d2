"""A receiver of syslog over UDP (RFC 5426), TCP (RFC 6587) and TLS (RFC 5425).

What was received is in memory until it counts: syslog has no way to ask for it again. A sender over TCP waits when we
are slow; over UDP the newest lines are dropped, and counted.
"""

import asyncio
import contextlib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address

from detector.feedback.source import Batch
from detector.feedback.syslog_frames import BadFraming, Frames, as_line

MOST_LINES = 20_000
"""Received and not read yet: a second at our speed."""
MOST_IN_BATCH = 2_000
MOST_CONNECTIONS = 100
READ_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Listening:
    """Where, for whom, and how: with `tls` the stream is encrypted; `datagrams` are UDP."""

    host: str
    port: int
    clients: Sequence[IPv4Network | IPv6Network]
    datagrams: bool = False
    tls: ssl.SSLContext | None = None


class SyslogSource:
    """A `Source` without positions. Listens from `start` to `close`."""

    def __init__(self, listening: Listening) -> None:
        self._listening = listening
        self._lines: asyncio.Queue[bytes] = asyncio.Queue(MOST_LINES)
        self._problems: list[str] = []
        self._server: asyncio.Server | None = None
        self._datagrams: asyncio.DatagramTransport | None = None
        self._connections: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        """Raises `OSError`."""
        where = self._listening
        if where.datagrams:
            loop = asyncio.get_running_loop()
            local = (where.host, where.port)
            self._datagrams, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(self), local_addr=local)
        else:
            self._server = await asyncio.start_server(self._serve, where.host, where.port, ssl=where.tls)

    @property
    def port(self) -> int:
        """The one that we listen on."""
        if self._datagrams is not None:
            return int(self._datagrams.get_extra_info("sockname")[1])
        return int(self._server.sockets[0].getsockname()[1]) if self._server is not None else 0

    async def read(self) -> Batch:
        lines = [await self._lines.get()]
        while len(lines) < MOST_IN_BATCH and not self._lines.empty():
            lines.append(self._lines.get_nowait())
        problems, self._problems = tuple(self._problems), []
        return Batch(lines, "", problems)

    async def close(self) -> None:
        if self._datagrams is not None:
            self._datagrams.close()
        if self._server is not None:
            self._server.close()
        for writer in list(self._connections):
            writer.close()

    def receive(self, message: bytes, peer: str) -> None:
        """One datagram."""
        line = self._line(message) if self._is_allowed(peer) else None
        if line is not None:
            try:
                self._lines.put_nowait(line)
            except asyncio.QueueFull:
                self._problem("dropped")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = writer.get_extra_info("peername")
        if not self._is_allowed(peer[0]) or len(self._connections) >= MOST_CONNECTIONS:
            writer.close()
            return
        self._connections.add(writer)
        try:
            await self._take_all(reader)
        except BadFraming:
            self._problem("broken")
        except OSError:
            pass  # the sender has gone; it will come again
        finally:
            self._connections.discard(writer)
            writer.close()

    async def _take_all(self, reader: asyncio.StreamReader) -> None:
        frames, too_long = Frames(), 0
        while octets := await reader.read(READ_BYTES):
            for message in frames.feed(octets):
                line = self._line(message)
                if line is not None:
                    await self._lines.put(line)
            for _ in range(frames.too_long - too_long):
                self._problem("too_long")
            too_long = frames.too_long

    def _line(self, message: bytes) -> bytes | None:
        line = as_line(message)
        if line is None:
            self._problem("broken")
        return line

    def _is_allowed(self, peer: str) -> bool:
        address = ip_address(peer.partition("%")[0])
        address = getattr(address, "ipv4_mapped", None) or address
        allowed = any(address in network for network in self._listening.clients)
        if not allowed:
            self._problem("refused")
        return allowed

    def _problem(self, label: str) -> None:
        if len(self._problems) < MOST_LINES:
            self._problems.append(label)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, source: SyslogSource) -> None:
        self._source = source

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        with contextlib.suppress(ValueError):  # no address that we know
            self._source.receive(data, addr[0])


def tls_context(certificate: str, key: str, client_ca: str = "") -> ssl.SSLContext:
    """What senders are shown; with `client_ca` they must have a certificate of it, too. Raises `OSError`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    if client_ca:
        context.load_verify_locations(client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context
