"""The next hop as one transaction sees it: a connection of its own, what it answers, and how it fails."""

from collections.abc import Awaitable, Callable

from detector.mail.causes import cause_of
from detector.mail.reply import Reply
from detector.metrics import Metrics
from detector.relay import replies
from detector.relay.next_hop import Connection, NextHopError
from detector.relay.pool import Pool

Asking = Callable[[Connection], Awaitable[list[Reply]]]


class Upstream:
    """Takes a connection with the first question. `give_back` ends it.

    `failure`: why nothing more can be asked, as the client hears it. `lost`: the connection ended while it was asked.
    """

    def __init__(self, pool: Pool, metrics: Metrics) -> None:
        self.failure: Reply | None = None
        self.lost = False
        self._pool = pool
        self._metrics = metrics
        self._connection: Connection | None = None

    async def ask(self, ask: Asking, count: int = 1) -> list[Reply]:
        """So many answers. When it fails, the transaction has failed, and each further command says so."""
        if self.failure is not None:
            return [self.failure] * count
        try:
            if self._connection is None:
                self._connection = await self._pool.acquire()
            answers = await ask(self._connection)
        except NextHopError as error:
            # Of a kept connection that has said nothing since, nothing was taken.
            self.lost = error.reason == "lost" or (self._connection is not None and self._connection.wire.rested)
            self._drop()
            self.failure = replies.NEXT_HOP_UNREACHABLE
            return [self.failure] * count
        except BaseException:
            self._drop()
            raise
        for reply in answers:
            if reply.code >= 400:
                self._refused(reply)
        return answers

    async def ask_anew(self, ask: Asking, count: int = 1) -> list[Reply]:
        """The same on a new connection. Only for what the next hop has not taken."""
        self._drop()
        self.lost, self.failure = False, None
        return await self.ask(ask, count)

    async def give_back(self) -> None:
        """As the function of this name, if there is a connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await give_back(self._pool, connection)

    def _refused(self, reply: Reply) -> None:
        cause = cause_of(str(reply), reply.enhanced)
        self._metrics.next_hop_refusals.labels(cause.replace(" ", "_")).inc()
        if reply.code == 421:  # RFC 5321 section 3.8: the next hop closes the channel
            self.lost = True
            self.failure = reply

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            _discard(self._pool, connection)


async def give_back(pool: Pool, connection: Connection) -> None:
    """Return a connection with no transaction on it: after RSET where one is open, or closed if that fails."""
    if connection.usable and not connection.reusable:
        try:
            await connection.command(b"RSET")
        except NextHopError:
            pass  # the connection knows, and so will the pool
        except BaseException:
            _discard(pool, connection)
            raise
    pool.release(connection)


def _discard(pool: Pool, connection: Connection) -> None:
    connection.close()
    pool.release(connection)
