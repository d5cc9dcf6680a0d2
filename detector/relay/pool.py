"""Connections to the next hops: kept for reuse, bounded in number, and to the first server that is alive."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from detector import log
from detector.config import HostPort, NextHop
from detector.metrics import Metrics
from detector.relay.dial import connect
from detector.relay.next_hop import Capabilities, Connection, NextHopError
from detector.relay.outbox import Outbox
from detector.tls import client_context

COMMANDS = ("GREETING", "EHLO", "HELO", "STARTTLS", "XFORWARD", "MAIL", "RCPT", "DATA", "BODY", "RSET")


@dataclass(slots=True)
class _Server:
    """A next hop, its idle connections (the last used at the end) with the time since when they are idle."""

    address: HostPort
    idle: list[tuple[float, Connection]] = field(default_factory=list)
    dead: bool = False  # until a visit finds that it is back

    def take_idle(self) -> Connection | None:
        while self.idle:
            connection = self.idle.pop()[1]
            if connection.reusable:
                return connection
            connection.close()
        return None

    def leave_idle(self, before: float) -> None:
        """Say QUIT to those that are idle since `before` or longer."""
        for since, connection in self.idle:
            if since <= before:
                connection.leave()
        self.forget_lost()

    def close_idle(self) -> None:
        for _, connection in self.idle:
            connection.close()
        self.idle.clear()

    def forget_lost(self) -> None:
        self.idle = [(since, connection) for since, connection in self.idle if connection.usable]


class Pool:
    """Hands out connections to one caller each, at most `settings.connections` at a time."""

    def __init__(self, settings: NextHop, hostname: str, metrics: Metrics) -> None:
        """`hostname` is ours, for EHLO. Raises `ConfigError` if the certificate authorities cannot be read."""
        self._loop = asyncio.get_running_loop()
        self._settings = settings
        self._hasty = settings.model_copy(update={"connect_time": settings.connect_time / 2})
        self._hostname = hostname
        self._metrics = metrics
        self._context = client_context(settings.tls)
        self._servers = [_Server(address) for address in settings.servers]
        self._slots = asyncio.Semaphore(settings.connections)
        self.outbox = Outbox(self._loop)
        self._busy: dict[Connection, _Server] = {}
        self._dialing = 0
        self._capabilities: Capabilities | None = None
        self._sweeper: asyncio.TimerHandle | None = None
        self._visitor: asyncio.Task[None] | None = None
        self._retired = self._closed = False
        self._observers = {verb: metrics.next_hop_seconds.labels(verb).observe for verb in COMMANDS}
        metrics.next_hop_up.clear()  # a server that a reload has taken out must not stay down for ever
        metrics.next_hop_connections.labels("busy").set_function(lambda: len(self._busy))
        metrics.next_hop_connections.labels("idle").set_function(self._count_idle)

    async def acquire(self) -> Connection:
        """A connection for the caller alone, until `release`. Raises `NextHopError`."""
        if self._slots.locked():
            await self._wait_for_slot()
        else:
            await self._slots.acquire()  # without waiting
        try:
            server, connection = await self._from_first_alive()
        except BaseException:
            self._slots.release()
            raise
        self._busy[connection] = server
        return connection

    def release(self, connection: Connection) -> None:
        """Give it back. One that is in the middle of a transaction is closed: send RSET first to keep it."""
        server = self._busy.pop(connection)
        self._slots.release()
        if connection.failure is not None:
            self._notice_failure(server, connection, connection.failure)
        if self._retired:
            connection.leave()
        elif connection.reusable:
            connection.wire.rested = True
            server.idle.append((self._loop.time(), connection))
            self._sweep_later(self._settings.keep_time)
        else:
            connection.close()

    async def capabilities(self) -> Capabilities:
        """What the next hop that was connected last offers; connects if none was yet. Raises `NextHopError`."""
        if self._capabilities is None:
            connection = await self.acquire()
            self.release(connection)
            return connection.capabilities
        return self._capabilities

    async def close(self) -> None:
        """Hand out no more, and retire."""
        self._closed = True
        await self.retire()

    async def retire(self) -> None:
        """Take leave of idle connections; those in use, and those of transactions that began, end with their use."""
        self._retired = True
        if self._sweeper is not None:
            self._sweeper.cancel()
        if self._visitor is not None:
            self._visitor.cancel()
            await asyncio.wait([self._visitor])
        idle = [connection for server in self._servers for _, connection in server.idle]
        for server in self._servers:
            server.idle.clear()  # nobody gets one that takes leave
        await asyncio.gather(*(connection.quit() for connection in idle))

    # -- which server --

    async def _wait_for_slot(self) -> None:
        try:
            async with asyncio.timeout(self._settings.connect_time):
                await self._slots.acquire()
        except TimeoutError as error:
            text = f"all {self._settings.connections} connections to next hops are in use"
            raise NextHopError("timeout", text) from error

    async def _from_first_alive(self) -> tuple[_Server, Connection]:
        problems = []
        for server in self._in_order():
            if self._closed:
                raise NextHopError("lost", "the pool is closed")
            try:
                return server, server.take_idle() or await self._dial(server)
            except NextHopError as error:
                problems.append(error)
        raise NextHopError(problems[-1].reason, "; ".join(str(error) for error in problems))

    def _in_order(self) -> Sequence[_Server]:
        """As configured; those that are dead come last, so mail waits for none of them while another one lives."""
        if len(self._servers) == 1 or not any(server.dead for server in self._servers):
            return self._servers
        return sorted(self._servers, key=lambda server: server.dead)

    def _for_mail(self, server: _Server) -> NextHop:
        """Half of the time for a server that stands still, if another one lives: whoever waits for a place gets it."""
        return self._hasty if any(not other.dead for other in self._servers if other is not server) else self._settings

    async def _dial(self, server: _Server) -> Connection:
        self._make_room()
        self._dialing += 1
        try:
            return await self._reach(server, self._for_mail(server))
        finally:
            self._dialing -= 1

    async def _reach(self, server: _Server, settings: NextHop) -> Connection:
        try:
            connection = await connect(server.address, self._hostname, settings, self._context, self._observe)
        except NextHopError as error:
            self._mark_dead(server, error)
            raise
        connection.wire.outbox = self.outbox
        self._mark_alive(server)
        self._capabilities = connection.capabilities
        return connection

    def _notice_failure(self, server: _Server, connection: Connection, failure: NextHopError) -> None:
        if failure.reason == "timeout":  # it stands still; if only this connection did, the next visit tells
            self._mark_dead(server, failure)
            return
        self._metrics.next_hop_failures.labels(failure.reason).inc()
        if connection.wire.rested:  # the others have rested as well: no mail is to wait for each of them in turn
            server.close_idle()

    def _mark_dead(self, server: _Server, error: NextHopError) -> None:
        if not server.dead:
            log.next_hop_failed(str(server.address), str(error))
        server.dead = True
        if error.reason == "timeout":  # one that only refuses more connections may well serve those that it has
            server.close_idle()
        self._metrics.next_hop_failures.labels(error.reason).inc()
        if self._retired:  # it may be no server of the pool of today, which shows its own
            return
        self._metrics.next_hop_up.labels(str(server.address)).set(0)
        if self._visitor is None or self._visitor.done():
            self._visitor = self._loop.create_task(self._visit_dead())

    def _mark_alive(self, server: _Server) -> None:
        if server.dead:
            log.next_hop_back(str(server.address))
        server.dead = False
        if not self._retired:
            self._metrics.next_hop_up.labels(str(server.address)).set(1)

    async def _visit_dead(self) -> None:
        """Greet dead servers, one after the other, until none is dead: at night no mail finds out that one is back.

        A visit takes no place from mail: it ends with QUIT, and comes on top of `settings.connections`.
        """
        while any(server.dead for server in self._servers):
            await asyncio.sleep(self._settings.retry_dead_after)
            for server in self._servers:
                if server.dead:
                    with suppress(NextHopError):  # it still is, and that is told
                        (await self._reach(server, self._settings)).leave()

    # -- idle connections --

    def _make_room(self) -> None:
        """Idle connections to other servers count as well: a new one takes the place of the oldest of them."""
        for server in self._servers:
            server.forget_lost()
        if len(self._busy) + self._dialing + self._count_idle() >= self._settings.connections:
            oldest = min((server for server in self._servers if server.idle), key=lambda server: server.idle[0][0])
            oldest.idle.pop(0)[1].leave()

    def _count_idle(self) -> int:
        return sum(connection.usable for server in self._servers for _, connection in server.idle)

    def _sweep_later(self, wait: float) -> None:
        if self._sweeper is None:
            self._sweeper = self._loop.call_later(wait, self._sweep)

    def _sweep(self) -> None:
        self._sweeper = None
        now = self._loop.time()
        for server in self._servers:
            server.leave_idle(now - self._settings.keep_time)
        oldest = min((server.idle[0][0] for server in self._servers if server.idle), default=None)
        if oldest is not None:
            self._sweep_later(oldest + self._settings.keep_time - now)

    def _observe(self, verb: str, seconds: float) -> None:
        observe = self._observers.get(verb)
        if observe is not None:
            observe(seconds)
