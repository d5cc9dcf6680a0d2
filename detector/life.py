"""The life of one worker, as the first process sees it: a process, a channel to it, and what it has said."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from detector.channel import Ask, Begin, Channel, Figures, Follow, Followed, FromWorker, Page, Ready, from_worker

SILENT = 60.0
"""Seconds without a word, after which a worker is taken for dead: it speaks each second."""
FIGURES_WITHIN = 2.0
FOLLOWS_WITHIN = 30.0
LAST_MOMENT = 5.0
"""Seconds between the last word of a worker and its end."""
OURS_ALONE = ("NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC")
"""The service manager hears of the first process only (sd_notify(3))."""


PEOPLES = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
"""What is meant for the first process, also where it is sent to all."""


@contextlib.contextmanager
def in_peace() -> Iterator[None]:
    """Who is started meanwhile gets none of these signals until he asks for them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, PEOPLES)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@dataclass(slots=True)
class Life:
    """`text` is the configuration that it follows, `page` the figures that it told last."""

    process: subprocess.Popen[bytes]
    channel: Channel[FromWorker]
    text: str = ""
    ready: bool = False
    page: Page = field(default_factory=dict)
    _told: asyncio.Future[None] | None = None
    _followed: asyncio.Future[str] | None = None

    @classmethod
    async def start(cls, descriptors: Sequence[int]) -> "Life":
        """Another copy of this very program, and no fork: we have threads. It inherits the descriptors.

        It loads what it needs, and waits until it is told to `begin`.
        """
        own, other = socket.socketpair()
        passed = [other.fileno(), *descriptors]
        environment = {name: value for name, value in os.environ.items() if name not in OURS_ALONE}
        with other, in_peace():
            process = subprocess.Popen(  # noqa: ASYNC220 - to start one takes milliseconds, and nobody waits for its end
                [sys.executable, "-P", "-m", "detector", "worker", *map(str, passed)],
                env=environment | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},  # it imports what we import
                stdin=subprocess.DEVNULL,
                pass_fds=passed,
            )
        return cls(process, await Channel.open(own, from_worker))

    @property
    def begun(self) -> bool:
        return bool(self.text)

    def begin(self, begin: Begin) -> None:
        self.text = begin.text
        self.channel.send(begin)

    async def hear(self) -> FromWorker | None:
        """What it says next, and what of it is an answer is taken down. None: it is dead, or as good as dead."""
        message = await self._next()
        match message:
            case Ready():
                self.ready = True
            case Followed(problem) if self._followed is not None and not self._followed.done():
                self._followed.set_result(problem)
            case Figures(page):
                self.page = page
                if self._told is not None and not self._told.done():
                    self._told.set_result(None)
        return message

    async def _next(self) -> FromWorker | None:
        # Twice: if it was we who were stopped for so long, what it has said is waiting for us.
        for patience in (SILENT, LAST_MOMENT):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    return await self.channel.receive()
        self.process.kill()
        return None

    async def follow(self, text: str) -> str:
        """What is wrong with this configuration; empty when it has taken it over."""
        self._followed = asyncio.get_running_loop().create_future()
        self.channel.send(Follow(text))
        self.text = text
        try:
            async with asyncio.timeout(FOLLOWS_WITHIN):
                return await self._followed
        except TimeoutError:
            return "it does not answer"

    async def ask(self) -> None:
        """Return when `page` is new, or after a while."""
        if self._told is None or self._told.done():
            self._told = asyncio.get_running_loop().create_future()
            self.channel.send(Ask())
        await asyncio.wait([self._told], timeout=FIGURES_WITHIN)

    async def end(self) -> int:
        """It has said its last word. The exit status; negative: the signal that has ended it."""
        self.ready = False
        self.channel.close()
        if self._told is not None and not self._told.done():
            self._told.set_result(None)
        if self._followed is not None and not self._followed.done():
            self._followed.set_result("")  # who comes after it begins with the new one
        try:
            return await asyncio.to_thread(self.process.wait, LAST_MOMENT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return await asyncio.to_thread(self.process.wait)
