"""The side-car that Postfix asks about each message (SMTPD_POLICY_README): it learns the login and answers DUNNO.

The answer is DUNNO whatever was asked and whatever went wrong here: mail is never refused or delayed by this service.
It is given after the login is remembered, so that it is known before Postfix goes on to hand the message over.
"""

import asyncio
from collections import deque
from typing import cast

from detector import config, log
from detector.listeners import Listeners
from detector.mail.login import PolicyRequest
from detector.metrics import Metrics
from detector.ports import Clock, LoginJoin, Temporary
from detector.relay import descriptors
from detector.relay.entrance import Entrance
from detector.relay.hosts import allowed, canonical, same_host_key
from detector.relay.seldom import SeldomEach

DUNNO = b"action=DUNNO\n\n"
REQUEST_LENGTH = 65_536  # octets
REQUEST_LINES = 200  # Postfix 3.10 sends about 35
CONNECTIONS = 1000  # one for each smtpd process; Postfix's default_process_limit is 100
IDLE_TIME = 3600.0  # Postfix closes idle connections itself after 300 s, all of them after 1000 s
LINGER_TIME = 10.0
REMEMBER_TIME = 2.0


class BrokenRequest(Exception):
    """A request from which nothing can be learned; the text says why."""


class PolicyService:
    """Listens for Postfix and tells the join which login stands behind which message."""

    def __init__(self, settings: config.PolicyService, join: LoginJoin, metrics: Metrics, clock: Clock) -> None:
        self.settings = settings
        self.metrics = metrics
        self._join = join
        self._clock = clock
        self._connections: set[PolicyConnection] = set()
        self._refusals = SeldomEach()
        self._entrance = Entrance(lambda: PolicyConnection(self), self._refusal, metrics)
        self._entrance.proxies = settings.proxy_clients

    async def start(self, listeners: Listeners) -> None:
        """Listen. Raises `OSError` when an address cannot be had."""
        try:
            await self._entrance.listen(listeners, self.settings.listen)
        except OSError:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Accept nobody new; requests that are here are answered, then every connection is closed."""
        self._entrance.close()
        for connection in tuple(self._connections):
            await connection.finish()

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Where it listens; the real ports, also for port 0."""
        return self._entrance.addresses

    # -- for connections --

    def admit(self, connection: "PolicyConnection", peer: str) -> bool:
        """Whether a connection may stay."""
        if self._refusal(peer) is not None:
            return False
        self._connections.add(connection)
        return True

    def _refusal(self, peer: str | None, descriptor: int = 0) -> bytes | None:
        """Nobody hears why: this protocol has no words for it."""
        if peer is not None and not allowed(peer, self.settings.clients):
            reason = "not_allowed"
        elif len(self._connections) >= CONNECTIONS:
            reason = "limit"
        elif descriptors.run_out(descriptor):
            reason = "descriptors"
        else:
            return None
        self.metrics.connections_refused.labels(reason).inc()
        if times := self._refusals.times_to_tell((peer, reason), self._clock()):
            log.connection_refused(peer or "", f"policy service: {reason}", times)
        return b""

    def forget(self, connection: "PolicyConnection") -> None:
        self._connections.discard(connection)

    async def learn(self, lines: list[bytes], peer: str) -> None:
        """Take from a request what can be learned. Never raises."""
        try:
            request = read_request(lines, peer)
            async with asyncio.timeout(REMEMBER_TIME):
                if request.sasl_username or await self._is_of_another(request):
                    await self._join.remember(request, self._clock())
        except BrokenRequest as problem:
            self.broken(peer, str(problem))
        except (TimeoutError, Temporary) as error:
            self.metrics.policy_requests.labels("broken").inc()
            log.not_judged(f"a login was not heard: {str(error) or f'no answer within {REMEMBER_TIME:g} s'}")
        except Exception as error:  # anything at all: Postfix waits for the answer
            self.metrics.policy_requests.labels("broken").inc()
            log.internal_error("policy_service", error)
        else:
            self.metrics.policy_requests.labels("login" if request.sasl_username else "anonymous").inc()

    async def _is_of_another(self, request: PolicyRequest) -> bool:
        """Whether mail without a login comes under a queue id, or from a port, that an earlier login had."""
        if request.queue_id:
            return await self._join.by_queue_id(request.host, request.queue_id) is not None
        return await self._join.by_client(request.host, request.client_address, request.client_port) is not None

    def broken(self, peer: str, problem: str) -> None:
        self.metrics.policy_requests.labels("broken").inc()
        log.policy_request_refused(peer, problem)


class PolicyConnection(asyncio.Protocol):
    """One connection of Postfix: requests one after the other, each answered in its turn."""

    def __init__(self, service: PolicyService) -> None:
        self._service = service
        self._loop = asyncio.get_running_loop()
        self.peer = ""
        self._transport: asyncio.Transport | None = None
        self._unread = b""
        self._lines: list[bytes] = []
        self._length = 0
        self._waiting: deque[list[bytes]] = deque()
        self._over_long = False
        self._answering: asyncio.Task[None] | None = None
        self._closing: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        connection = cast("asyncio.Transport", transport)
        self.peer = self.peer or str((connection.get_extra_info("peername") or ("",))[0])
        if not self._service.admit(self, self.peer):
            connection.abort()
            return
        self._transport = connection
        self._close_in(IDLE_TIME)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the signature is asyncio's
        self._service.forget(self)
        self._transport = None
        if self._closing is not None:
            self._closing.cancel()

    def data_received(self, data: bytes) -> None:
        if self._transport is None or self._over_long:
            return
        self._close_in(IDLE_TIME)
        *lines, self._unread = (self._unread + data).split(b"\n")
        for line in lines:
            self._take(line.removesuffix(b"\r"))
        if self._length + len(self._unread) > REQUEST_LENGTH:
            self._over_long = True
        if (self._waiting or self._over_long) and self._answering is None:
            self._transport.pause_reading()
            self._answering = self._loop.create_task(self._answer())

    def _take(self, line: bytes) -> None:
        if self._over_long:
            return
        if not line:
            self._waiting.append(self._lines)
            self._lines, self._length = [], 0
            return
        self._lines.append(line)
        self._length += len(line) + 1
        self._over_long = len(self._lines) > REQUEST_LINES or self._length > REQUEST_LENGTH

    async def _answer(self) -> None:
        while self._waiting:
            await self._service.learn(self._waiting.popleft(), self.peer)
            self._say_dunno()
        self._answering = None
        if self._over_long:
            self._service.broken(self.peer, "request too long")
            self._say_dunno()
            self._end()
        if self._transport is not None:
            self._transport.resume_reading()

    def _say_dunno(self) -> None:
        if self._transport is None:
            return
        self._transport.write(DUNNO)
        if self._transport.get_write_buffer_size() > REQUEST_LENGTH:
            self._transport.abort()  # it asks and asks, and does not read the answers

    def _end(self) -> None:
        """Close our side now and the rest a little later: data that nobody read would make a reset of the answer."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write_eof()
            self._close_in(LINGER_TIME)

    def _close_in(self, delay: float) -> None:
        if self._closing is not None:
            self._closing.cancel()
        self._closing = self._loop.call_later(delay, self._close)

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    async def finish(self) -> None:
        """Answer the requests that are here completely, then close."""
        if self._answering is not None:
            await self._answering
        self._close()


def read_request(lines: list[bytes], peer: str) -> PolicyRequest:
    """What the lines of one request tell; without a login `sasl_username` is empty. Raises `BrokenRequest`."""
    attributes: dict[str, str] = {}
    for line in lines:
        name, equals, value = line.decode("utf-8", "surrogateescape").partition("=")
        if not equals or name in attributes:
            msg = "line is not name=value, or a name stands twice"
            raise BrokenRequest(msg)
        attributes[name] = value
    if attributes.get("request") != "smtpd_access_policy":
        msg = "not a request=smtpd_access_policy"
        raise BrokenRequest(msg)
    request = PolicyRequest(
        host=same_host_key(peer),
        queue_id=attributes.get("queue_id", ""),
        client_address=canonical(attributes.get("client_address", "")),
        client_port=attributes.get("client_port", ""),
        sasl_username=attributes.get("sasl_username", ""),
        sender=attributes.get("sender", ""),
    )
    if not request.queue_id and not (request.client_address and request.client_port):
        msg = "names neither a queue id nor a client"
        raise BrokenRequest(msg)
    return request
