"""The SMTP listeners: who may connect, how many at once, and an orderly end."""

import asyncio
import ssl
from collections.abc import Callable, Coroutine
from typing import Any

from detector import log
from detector.config import Config
from detector.listeners import Listeners
from detector.mail.path import Path
from detector.mail.reply import Reply
from detector.metrics import Metrics
from detector.ports import SessionFacts
from detector.relay import descriptors, replies
from detector.relay.body import Spool
from detector.relay.draft import Draft
from detector.relay.entrance import Entrance
from detector.relay.exchange import Exchange
from detector.relay.headcount import Headcount
from detector.relay.hosts import lookup
from detector.relay.next_hop import Capabilities, NextHopError
from detector.relay.route import Route
from detector.relay.seldom import SeldomEach
from detector.relay.session import Session
from detector.relay.time_left import TimeLeft
from detector.relay.turns import Turns
from detector.relay.wire import Wire

DEADLINE_CHECK_EVERY = 1.0
DESCRIPTORS = 5 / 4
"""For each client that may connect: next hops and stores need some, too."""
NOTHING_SPECIAL = Capabilities({})
PASSED_ON = ("8BITMIME", "SMTPUTF8", "DSN")  # kept because every parameter goes on as it came


class Server:
    """Accepts clients and gives each a session."""

    def __init__(
        self,
        config: Config,
        route: Route,
        tls: ssl.SSLContext | None,
        new_id: Callable[[], str],
        headcount: Headcount,
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.metrics: Metrics = route.metrics
        self.stopping = False
        self._new_id = new_id
        self._sessions: set[Wire] = set()
        self._headcount = headcount
        self._tasks: set[asyncio.Task[Any]] = set()
        self._deadlines: asyncio.TimerHandle | None = None
        self._ended = asyncio.Event()
        self._refusals = SeldomEach()
        self._entrance = Entrance(lambda: Session(self, self._config.relay, self._tls), self._refusal, self.metrics)
        self.turns = Turns(self.loop)
        self.outbox = route.pool.outbox
        self.reconfigure(config, route, tls)
        self.metrics.client_connections.set_function(lambda: len(self._sessions))

    async def start(self, listeners: Listeners) -> None:
        """Listen. Raises `OSError` when an address cannot be bound."""
        await self._entrance.listen(listeners, self._config.relay.listen)
        self._check_deadlines()

    @property
    def addresses(self) -> list[tuple[str, int]]:
        return self._entrance.addresses

    def reconfigure(self, config: Config, route: Route, tls: ssl.SSLContext | None) -> None:
        """New sessions and new transactions follow the new configuration; those under way end as they began."""
        self._config, self._route, self._tls = config, route, tls
        self._spool_directory = config.spool_directory
        self._offer: tuple[Capabilities, tuple[str, ...]] | None = None
        route.pool.outbox = self.outbox  # clients and next hops share their turns
        self._entrance.proxies = config.relay.proxy_clients
        descriptors.make_room(int(DESCRIPTORS * config.relay.limits.connections))
        self._may_connect = lookup(config.relay.clients)
        self.may_xforward = lookup(config.relay.xforward_clients)
        self.may_xclient = lookup(config.relay.xclient_clients)

    async def stop(self) -> None:
        """Accept nobody new, let running transactions end, then close."""
        self.stopping = True
        self._entrance.close(bytes(replies.STOPPING))
        busy = [session for session in self._sessions if session.exchange is not None or session.busy]
        log.stopping(len(busy))
        self._hang_up(self._sessions - set(busy))
        for session in [session for session in busy if session.in_handshake]:  # nothing is lost, and it hears no reply
            session.give_up()
        try:
            async with asyncio.timeout(self._config.relay.limits.stop_time):
                while self._sessions or self._tasks:
                    self._ended.clear()
                    await self._ended.wait()
        except TimeoutError:
            log.stop_time_over(len(self._sessions), len(self._tasks))
            self._hang_up(self._sessions)
            for session in self._sessions:
                session.give_up()
            for task in self._tasks:
                task.cancel()
        if self._deadlines is not None:
            self._deadlines.cancel()

    def _hang_up(self, sessions: set[Wire]) -> None:
        for session in list(sessions):
            session.hang_up(replies.STOPPING)

    # -- for sessions --

    def admit(self, session: Wire) -> Reply | None:
        """Count the connection, or say why it may not stay."""
        refusal = self._why_not(session.peer)
        if refusal is None:
            self._sessions.add(session)
            self._headcount.enter(session.peer)
        return refusal

    def _refusal(self, peer: str | None, descriptor: int) -> bytes | None:
        refusal = self._why_not(peer)
        if refusal is None and descriptors.run_out(descriptor):
            refusal = self._turn_away(peer, "descriptors", replies.TOO_MANY_CONNECTIONS)
        return None if refusal is None else bytes(refusal)

    def _why_not(self, peer: str | None) -> Reply | None:
        limits = self._config.relay.limits
        if peer is not None and not self._may_connect(peer):
            return self._turn_away(peer, "not_allowed", replies.NOT_ALLOWED)
        if self.stopping:
            return replies.STOPPING
        if self._headcount.total >= limits.connections:
            return self._turn_away(peer, "limit", replies.TOO_MANY_CONNECTIONS)
        if peer is not None and self._headcount.of(peer) >= limits.connections_per_client:
            return self._turn_away(peer, "limit_per_client", replies.TOO_MANY_FROM_CLIENT)
        return None

    def _turn_away(self, peer: str | None, reason: str, reply: Reply) -> Reply:
        self.metrics.connections_refused.labels(reason).inc()
        if times := self._refusals.times_to_tell((peer, reason), self.loop.time()):
            log.connection_refused(peer or "", reason, times)
        return reply

    def forget(self, session: Wire) -> None:
        self._sessions.discard(session)
        self._headcount.leave(session.peer)
        self._ended.set()

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run something that must end even if its session does not wait for it."""
        task = self.loop.create_task(work)
        self.keep(task)
        return task

    def keep(self, task: asyncio.Task[Any]) -> None:
        """Wait for it before we end."""
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        self._ended.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            log.internal_error("transaction", error)

    def exchange(self, session: Wire, mail_from: Path, argument: str) -> Exchange:
        facts = SessionFacts(
            peer=session.peer,
            xforward=session.xforward,
            xclient=session.xclient,
            mail_from=str(mail_from.address),
            auth_parameter=mail_from.auth,
        )
        draft = Draft(
            transaction_id=self._new_id(),
            facts=facts,
            arrival=session.arrival(mail_from.smtputf8),
            mail_from=mail_from.address,
            received_at=self._route.assessor.clock(),
            time_left=TimeLeft(self._config.patience),
        )
        return Exchange(self._route, draft, mail_from, argument)

    def spool(self) -> Spool:
        gauge = self.metrics.spool_bytes
        return Spool(self._spool_directory, gauge.inc, gauge.dec)

    async def offer(self) -> tuple[str, ...]:
        """The EHLO keywords that depend on the next hop. If it cannot be asked, nothing special; MAIL will tell."""
        try:
            capabilities = await self._route.pool.capabilities()
        except NextHopError:
            capabilities = NOTHING_SPECIAL
        if self._offer is None or self._offer[0] is not capabilities:
            self._offer = capabilities, self._offered(capabilities)
        return self._offer[1]

    def _offered(self, capabilities: Capabilities) -> tuple[str, ...]:
        limit = self._route.size_limit_bytes
        size = min(limit, capabilities.size or limit)  # RFC 1870: ours or the next hop's, whichever is smaller
        return (f"SIZE {size}", *(keyword for keyword in PASSED_ON if capabilities.offers(keyword)))

    def _check_deadlines(self) -> None:
        now = self.loop.time()
        for session in [session for session in self._sessions if session.deadline < now]:
            if session.stream.is_closing():
                session.stream.abort()  # it does not read our last words
            else:
                session.hang_up(replies.TIMEOUT)
        self._deadlines = self.loop.call_later(DEADLINE_CHECK_EVERY, self._check_deadlines)
