"""From a server's address to a connection that is ready for MAIL: greeting, EHLO, STARTTLS."""

import asyncio
import ssl
from typing import cast

from detector.config import HostPort, NextHop
from detector.relay.client_wire import ClientWire, NextHopError, Observe
from detector.relay.next_hop import Capabilities, Connection


async def connect(
    server: HostPort,
    hostname: str,
    settings: NextHop,
    context: ssl.SSLContext | None,
    observe: Observe | None = None,
) -> Connection:
    """A connection that is ready for MAIL, within `settings.connect_time` in all.

    `hostname` is ours, for EHLO; `context` comes from `client_context(settings.tls)`. Raises `NextHopError`; a server
    that greets us with anything but 2xx, or refuses EHLO and HELO, has the reason `connect`.
    """
    dialer = _Dialer(server, hostname, settings, observe)
    try:
        async with asyncio.timeout(settings.connect_time):
            try:
                return await dialer.open(context)
            except NextHopError as error:
                if error.reason != "tls" or settings.tls.mode != "may":
                    raise
            return await dialer.open(None)
    except TimeoutError as error:
        raise NextHopError("timeout", f"{server}: not ready within {settings.connect_time:g} s") from error
    except (OSError, UnicodeError) as error:  # UnicodeError: not a host name
        raise NextHopError("connect", f"{server}: {error}") from error


async def open_wire(server: HostPort, reply_time: float, observe: Observe | None = None) -> ClientWire:
    """A connection on which nothing was said yet. Raises `OSError`, or `UnicodeError` for what is not a host name."""
    wire = ClientWire(server, reply_time, observe)
    protocol = cast("asyncio.Protocol", wire)  # which it is, but for the name: compiled classes have no other parents
    await asyncio.get_running_loop().create_connection(lambda: protocol, server.host, server.port)
    return wire


class _Dialer:
    def __init__(self, server: HostPort, hostname: str, settings: NextHop, observe: Observe | None) -> None:
        self._server = server
        self._hostname = hostname.encode("ascii")
        self._settings = settings
        self._observe = observe

    async def open(self, context: ssl.SSLContext | None) -> Connection:
        wire = await open_wire(self._server, self._settings.reply_time, self._observe)
        connection = Connection(wire)
        try:
            await self._greet(connection)
            if context is not None and await self._offers_tls(connection):
                # Half of the time is left for a second attempt, in clear.
                await wire.start_tls(context, self._settings.connect_time / 2)
                await self._introduce(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    async def _greet(self, connection: Connection) -> None:
        (greeting,) = await connection.wire.replies(connection.wire.greeting)
        if not greeting.positive:
            raise NextHopError("connect", f"{self._server}: greets with {greeting}")
        await self._introduce(connection)

    async def _introduce(self, connection: Connection) -> None:
        """EHLO, or HELO where that is not known (RFC 5321 section 4.1.1.1)."""
        reply = await connection.command(b"EHLO " + self._hostname)
        connection.capabilities = Capabilities.of(reply) if reply.positive else Capabilities()
        if reply.code >= 500:
            reply = await connection.command(b"HELO " + self._hostname)
        if not reply.positive:
            raise NextHopError("connect", f"{self._server}: refuses EHLO with {reply}")

    async def _offers_tls(self, connection: Connection) -> bool:
        """STARTTLS was accepted; False if it was not and need not be. Raises `NextHopError`."""
        problem = "does not offer STARTTLS"
        if connection.capabilities.offers("STARTTLS"):
            reply = await connection.command(b"STARTTLS")
            if reply.positive:
                return True
            problem = f"refuses STARTTLS with {reply}"
        if self._settings.tls.mode != "may":
            raise NextHopError("tls", f"{self._server}: {problem}")
        return False
