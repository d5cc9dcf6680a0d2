"""The demo's next hop: a real SMTP server on loopback that keeps what it gets, and knows who does not exist."""

import asyncio
import threading
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from aiosmtpd.smtp import SMTP

from detector.cli.demo_world import NOBODY

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Arrived:
    """A message that was accepted."""

    mail_from: str
    recipients: tuple[str, ...]
    content: bytes


class Sink:
    """Runs in a thread of its own; a context manager."""

    def __init__(self) -> None:
        self.port = 0
        self._arrived: list[Arrived] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="demo-sink", daemon=True)
        self._server: asyncio.Server | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def arrived(self) -> list[Arrived]:
        return list(self._arrived)

    async def _listen(self) -> None:
        handler = _Handler(self._arrived)
        self._server = await self._loop.create_server(
            lambda: SMTP(handler, hostname="mx.demo.example", enable_SMTPUTF8=True, loop=self._loop), HOST, 0
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Handler:
    """Method names as aiosmtpd calls them."""

    def __init__(self, arrived: list[Arrived]) -> None:
        self._arrived = arrived

    async def handle_RCPT(  # noqa: N802 - as aiosmtpd calls it
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: list[str]
    ) -> str:
        if address.startswith(NOBODY):
            return "550 5.1.1 No such mailbox here"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        mail_from = envelope.mail_from.removeprefix("<>")  # so the library names the null reverse-path
        self._arrived.append(Arrived(mail_from, tuple(envelope.rcpt_tos), envelope.original_content))
        return "250 2.0.0 Ok"
