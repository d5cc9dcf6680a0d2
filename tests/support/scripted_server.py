"""An SMTP server that plays a conversation written by the test: what it says, what it wants to hear, how it breaks."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

from detector.config import HostPort

HOST = "127.0.0.1"


class Talk:
    """One connection, seen from the server. `heard` has the lines, without CRLF, and `message` the last message."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.heard: list[bytes] = []
        self.message = b""
        self.ended = asyncio.Event()

    async def say(self, *lines: bytes) -> None:
        self.writer.write(b"".join(line + b"\r\n" for line in lines))
        await self.writer.drain()

    async def say_in_pieces(self, octets: bytes) -> None:
        for i in range(len(octets)):
            self.writer.write(octets[i : i + 1])
            await self.writer.drain()
            await asyncio.sleep(0)

    async def hear(self, verb: bytes = b"") -> bytes:
        """The next line; it must begin with `verb`. Raises `EOFError` when the client has gone."""
        line = await self.reader.readline()
        if not line.endswith(b"\r\n"):
            raise EOFError
        self.heard.append(line[:-2])
        assert line.startswith(verb), f"heard {line!r} instead of {verb!r}"
        return line[:-2]

    async def hear_message(self) -> bytes:
        """The message up to its dot, as sent, without the dot."""
        octets = bytearray()
        while not octets.endswith(b"\r\n.\r\n"):
            if not (piece := await self.reader.read(65_536)):
                raise EOFError
            octets += piece
        self.message = bytes(octets[:-3])
        return self.message

    async def hear_end(self) -> bytes:
        """Everything that comes until the client has gone."""
        return await self.reader.read()

    async def welcome(self, *offers: bytes) -> None:
        """Greeting and EHLO."""
        await self.say(b"220 next.example ESMTP")
        await self.introduce(*offers)

    async def introduce(self, *offers: bytes) -> None:
        await self.hear(b"EHLO")
        lines = [b"next.example", *offers]
        await self.say(*(b"250-" + line for line in lines[:-1]), b"250 " + lines[-1])

    async def start_tls(self, context: ssl.SSLContext) -> None:
        await self.hear(b"STARTTLS")
        await self.say(b"220 2.0.0 Go ahead")
        await self.writer.start_tls(context)

    async def serve(self, pipelining: bool = True) -> None:
        """Be polite and accept everything."""
        await self.welcome(*([b"PIPELINING"] if pipelining else []), b"SIZE 104857600")
        await self.accept()

    async def accept(self) -> None:
        while not (line := await self.hear()).startswith(b"QUIT"):
            if line == b"DATA":
                await self.say(b"354 Go on")
                await self.hear_message()
                await self.say(b"250 2.0.0 Ok: queued")
            else:
                await self.say(b"250 2.0.0 Ok")
        await self.say(b"221 2.0.0 Bye")

    def cut(self) -> None:
        self.writer.transport.abort()


Script = Callable[[Talk], Awaitable[None]]


async def polite(talk: Talk) -> None:
    await talk.serve()


class ScriptedServer:
    """The first connection plays the first script and so on; the last script is for all that come later.

    When a script ends, its connection is closed. What a script did not expect is raised at the end of the test.
    """

    def __init__(self, *scripts: Script, host: str = HOST, port: int = 0) -> None:
        self.talks: list[Talk] = []
        self._scripts = scripts
        self._host = host
        self._port = port
        self._tasks: list[asyncio.Task[None]] = []
        self._problems: list[BaseException] = []

    @property
    def address(self) -> HostPort:
        return HostPort(host=self._host, port=self._port)

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._connected, HOST, self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Nobody is listening any more, and all connections are cut."""
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks)
        self._tasks.clear()
        for talk in self.talks:
            talk.cut()  # closing under TLS would wait for the client
        await self._server.wait_closed()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
        if error is None and self._problems:
            raise self._problems[0]

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = Talk(reader, writer)
        script = self._scripts[min(len(self.talks), len(self._scripts) - 1)]
        self.talks.append(talk)
        self._tasks.append(asyncio.get_running_loop().create_task(self._play(script, talk)))

    async def _play(self, script: Script, talk: Talk) -> None:
        try:
            await script(talk)
        except (EOFError, OSError, asyncio.CancelledError):
            pass  # the client has gone, or the test is over
        except Exception as problem:
            self._problems.append(problem)
        finally:
            talk.writer.close()
            talk.ended.set()
