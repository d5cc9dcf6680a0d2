"""The connection to a Valkey that several processes share: what it is asked at the same moment travels together.

While it is away nobody waits for it: every question is answered with `Away` at once, and one task tries to reach it
again. What was asked last, and has no answer, may have been done or not; whoever asked must be able to live with that.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from prometheus_client import Gauge
from valkey.exceptions import NoScriptError, ResponseError, ValkeyError

from detector import log
from detector.config.errors import ConfigError
from detector.ports import Temporary
from detector.state.shared_client import Client
from detector.state.shared_seal import Seal
from detector.state.shared_words import SEAL_KEY, Script

TRY_EVERY = 0.25
"""Seconds between two attempts to reach it again: a restart takes a second or two, and an attempt costs nothing."""
TRY_TIME = 5.0  # seconds for an attempt, with name, connection, TLS and the first answer
START_TIME = 3.0  # for the first attempt: each process waits so long before it begins without it
CLOSE_TIME = 1.0
TOGETHER = 500
"""Commands in one round trip, at most: more would let those who came first wait for the last."""
WRONG_TYPE = "WRONGTYPE "
MOST_WAITING = 10_000
"""Commands that wait for their turn. Beyond them it is as good as away: we ask for more than it can do."""


class Away(Temporary):
    """It is out of reach, or has not answered in time."""


@dataclass(slots=True)
class _Call:
    command: tuple[Any, ...]
    script: Script | None
    answer: asyncio.Future[Any]


class Link:
    """One for each process and event loop. `open_client` makes a client; `timeout` is in seconds, for a round trip.

    `key` is the key of hashes of this host: who shares profiles must have the same one. `when_back` are called, one
    after the other, each time that the server is in reach again; `emptied`: since the last time it has lost everything.
    """

    def __init__(self, open_client: Callable[[], Client], key: bytes, timeout: float, degraded: Gauge) -> None:
        self._open_client = open_client
        self.seal = Seal(key)
        self.timeout = timeout
        self._degraded = degraded
        self._client: Client | None = None
        self._calls: list[_Call] = []
        self._awake = asyncio.Event()
        self._lost = asyncio.Event()
        self._problem = ""
        self._dropped: list[Client] = []
        self._tasks: list[asyncio.Task[None]] = []
        self.when_back: list[Callable[[], Awaitable[None]]] = []
        self.round_trips = 0

    @property
    def up(self) -> bool:
        return self._client is not None

    @property
    def clustered(self) -> bool:
        return self._client is not None and self._client.clustered

    async def start(self) -> None:
        """Reach it, or begin without. Raises `ConfigError` when it is that of hosts with another key."""
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._pump()), loop.create_task(self._watch())]
        try:
            await self._reach(START_TIME)
        except Away as error:
            self._say_lost(str(error))

    async def stop(self) -> None:
        """What was sent before is answered; what comes now is `Away`."""
        with contextlib.suppress(Away):
            await self.send("PING")  # its turn is the last
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._drop("it is closed")
        await self._end_dropped()

    def send(self, *command: Any) -> asyncio.Future[Any]:
        """The answer, in a while. Raises `Away`, at once or when it is awaited."""
        return self._send(command, None)

    def run(self, script: Script, keys: Sequence[bytes], *arguments: bytes | int) -> asyncio.Future[Any]:
        """As `send`. In a Cluster all keys of a script must have the same hash tag."""
        return self._send(("EVALSHA", script.name, len(keys), *keys, *arguments), script)

    def client(self) -> Client:
        """For what is not about a single message, and takes its time. Raises `Away`."""
        if self._client is None:
            raise Away(self._problem)
        return self._client

    async def confirm(self) -> None:
        """Raises `Away` when it has lost everything: a connection to a server that restarts is made anew unseen."""
        if not self.seal.unbroken(await self.send("GET", SEAL_KEY)):
            self.cut("it has lost everything")
            raise Away(self._problem)

    def cut(self, problem: str) -> None:
        """As if the connection had just failed."""
        if self._client is not None:
            self._lose(problem, self._client, ())

    def _send(self, command: tuple[Any, ...], script: Script | None) -> asyncio.Future[Any]:
        if self._client is None:
            raise Away(self._problem)
        if len(self._calls) >= MOST_WAITING:
            msg = f"{MOST_WAITING} commands wait already"
            raise Away(msg)
        call = _Call(command, script, asyncio.get_running_loop().create_future())
        self._calls.append(call)
        self._awake.set()
        return call.answer

    # -- the two tasks --

    async def _pump(self) -> None:
        while True:
            await self._awake.wait()
            self._awake.clear()
            while self._calls and self._client is not None:
                calls, self._calls = self._calls[:TOGETHER], self._calls[TOGETHER:]
                client = self._client
                try:
                    await self._exchange(client, calls)
                except TimeoutError:
                    self._lose(f"no answer within {self.timeout} s", client, calls)
                except Exception as error:  # whatever the client raises: it cannot be used
                    self._lose(_words(error), client, calls)

    async def _exchange(self, client: Client, calls: list[_Call]) -> None:
        async with asyncio.timeout(self.timeout):
            answers = await client.run([call.command for call in calls])
        self.round_trips += 1
        for call, answer in zip(calls, answers, strict=True):
            if isinstance(answer, NoScriptError) and call.script is not None:
                self._calls.append(_Call(("EVAL", call.script.text, *call.command[2:]), None, call.answer))
            elif isinstance(answer, ResponseError) and str(answer).startswith(WRONG_TYPE):
                self._remove(call, answer)
            elif isinstance(answer, Exception):
                self._lose(_words(answer), client, [call])
            elif not call.answer.done():
                call.answer.set_result(answer)

    def _remove(self, call: _Call, error: ResponseError) -> None:
        """What another program has left under a key of ours is as good as damaged, and no reason to be away."""
        keys = call.command[3 : 3 + call.command[2]] if call.command[0] in {"EVAL", "EVALSHA"} else call.command[1:2]
        log.state_unreadable(b" ".join(keys).decode("utf-8", "backslashreplace"), str(error))
        _refuse(call, str(error))
        self._calls.append(_Call(("UNLINK", *keys), None, call.answer))  # which is there already

    async def _watch(self) -> None:
        while True:
            await self._lost.wait()
            await self._end_dropped()
            try:
                await self._reach(TRY_TIME)
            except ConfigError as error:
                if str(error) != self._problem:
                    self._say_lost(str(error))  # another reason, and one that does not go by itself
            except Exception as error:  # whatever it is, it must not end the attempts
                self._problem = str(error)
            if not self.up:
                await asyncio.sleep(TRY_EVERY)

    # -- away and back --

    async def _reach(self, within: float) -> None:
        """Raises `Away` and `ConfigError`."""
        client = self._open_client()
        try:
            async with asyncio.timeout(within):
                for node in await client.nodes():
                    await client.ask("PING", node=node)
                await self.seal.show(client)
        except (ValkeyError, OSError, ConfigError) as error:  # TimeoutError is an OSError
            self._dropped.append(client)
            if isinstance(error, ConfigError):
                raise
            raise Away(_words(error)) from error
        self._client = client
        self._lost.clear()
        self._awake.set()
        self._degraded.set(0)
        if self._problem:
            self._problem = ""
            log.shared_state_back()
        for work in self.when_back:
            try:
                await work()
            except Away:  # again: the next time
                return
            except Exception as error:  # a fault here must not make everybody think that it is away
                log.internal_error("shared state", error)

    def _lose(self, problem: str, client: Client, calls: Sequence[_Call]) -> None:
        """Nothing is sent a second time: these calls may have been done."""
        for call in calls:
            _refuse(call, problem)
        if self._client is client:  # and not another one, that was opened since
            self._say_lost(problem)
            self._drop(problem)

    def _drop(self, problem: str) -> None:
        """Whoever waits need not wait until it is closed."""
        if self._client is not None:
            self._dropped.append(self._client)
            self._client = None
        calls, self._calls = self._calls, []
        for call in calls:
            _refuse(call, problem)

    async def _end_dropped(self) -> None:
        """One whose server does not answer any more closes all the same."""
        while self._dropped:
            client = self._dropped.pop()
            with contextlib.suppress(Exception):
                async with asyncio.timeout(CLOSE_TIME):
                    await client.aclose()

    def _say_lost(self, problem: str) -> None:
        self._problem = problem
        self._degraded.set(1)
        log.shared_state_away(problem)
        self._lost.set()


def _refuse(call: _Call, problem: str) -> None:
    if not call.answer.done():
        call.answer.set_exception(Away(problem))


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
