"""A lean SMTP client on asyncio.Protocol, for the load and for the reference relays: what it costs must not be seen."""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import cast

from tests.support.ports import HOST


class Refused(Exception):
    """The server said something else than the step asked for."""


class Talk(asyncio.Protocol):
    """One connection; replies come in the order of the commands."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport
        self._partial = b""
        self._awaited: deque[asyncio.Future[bytes]] = deque()
        self._lost = False
        self.greeting = self.reply()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        *lines, self._partial = (self._partial + data).split(b"\r\n")
        for line in lines:
            if line[3:4] != b"-" and self._awaited:
                awaited = self._awaited.popleft()
                if not awaited.done():  # whoever asked may have lost patience
                    awaited.set_result(line)

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True
        for future in self._awaited:
            if not future.done():
                future.set_exception(exc or ConnectionResetError("closed by the server"))
                future.exception()

    def reply(self) -> asyncio.Future[bytes]:
        if self._lost:
            raise ConnectionResetError("closed by the server")
        future: asyncio.Future[bytes] = self._loop.create_future()
        self._awaited.append(future)
        return future

    async def say(self, octets: bytes, code: bytes) -> bytes:
        future = self.reply()
        self._transport.write(octets)
        return _checked(await future, code)

    async def send(self, sender: bytes, recipients: Sequence[bytes], message: bytes, pipelined: bool = False) -> bytes:
        """One transaction; `message` is dot-stuffed and ends with its end mark. The final reply, which is 250."""
        steps = [b"MAIL FROM:<%b>\r\n" % sender, *[b"RCPT TO:<%b>\r\n" % one for one in recipients], b"DATA\r\n"]
        codes = [b"250"] * (len(steps) - 1) + [b"354"]
        if pipelined:
            futures = [self.reply() for _ in steps]
            self._transport.write(b"".join(steps))
            for future, code in zip(futures, codes, strict=True):
                _checked(await future, code)
        else:
            for step, code in zip(steps, codes, strict=True):
                await self.say(step, code)
        return await self.say(message, b"250")

    def leave(self) -> None:
        self._transport.write(b"QUIT\r\n")
        self._transport.close()


async def talk(port: int) -> Talk:
    """A connection that is ready for MAIL."""
    _, one = await asyncio.get_running_loop().create_connection(Talk, HOST, port)
    _checked(await one.greeting, b"220")
    await one.say(b"EHLO bench.example\r\n", b"250")
    return one


def _checked(line: bytes, code: bytes) -> bytes:
    if not line.startswith(code):
        raise Refused(f"{line!r} instead of {code!r}")
    return line
