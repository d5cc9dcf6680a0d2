"""A next hop in memory: strict about what it is told, and a witness of what laxer servers would have understood."""

import asyncio
import re
from collections.abc import Mapping

from detector import config
from detector.relay.client_wire import ClientWire
from detector.relay.next_hop import Capabilities, Connection

END = b"\r\n.\r\n"
# Where servers have been found to see the end of a message (S. Longin, "SMTP Smuggling", 2023, and what followed).
LAX_ENDS = re.compile(rb"\r?\n\.\r?\n|\r\n?\.\r\n?|\n\.\r|\r\.\n|\r\r\n\.\r\r\n|\r\n\.\r\r\n")
COMMAND = re.compile(rb"(?:XFORWARD|MAIL|RCPT|DATA|RSET|QUIT)(?: [^\r\n\x00]*)?")


class NextHop(asyncio.Transport):
    """The other end of one connection; `messages` are those that it took, dots as they were sent."""

    def __init__(self, wire: ClientWire, heard: bytearray, answers: Mapping[bytes, bytes]) -> None:
        super().__init__()
        self.messages: list[bytes] = []
        self._wire = wire
        self._heard = heard
        self._answers = answers
        self._unread = b""
        self._in_message = False
        self._closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self._closed
        self._heard += data
        self._unread += bytes(data)
        while (reply := self._next()) is not None:
            asyncio.get_running_loop().call_soon(self._answer, reply)

    def _next(self) -> bytes | None:
        if self._in_message:
            end = (b"\r\n" + self._unread).find(END)
            if end < 0:
                return None
            self.messages.append(self._unread[: end + 3])
            self._unread, self._in_message = self._unread[end + 3 :], False
            return self._answers.get(b".", b"250 2.0.0 Ok: queued as A1B2\r\n")
        line, found, rest = self._unread.partition(b"\r\n")
        if not found:
            return None
        assert COMMAND.fullmatch(line), line
        self._unread = rest
        verb = line.partition(b" ")[0]
        reply = self._answers.get(verb, b"354 go on\r\n" if verb == b"DATA" else b"250 2.1.0 Ok\r\n")
        self._in_message = reply.startswith(b"354")
        return reply

    def _answer(self, reply: bytes) -> None:
        if not self._closed:
            self._wire.data_received(reply)

    def close(self) -> None:
        self.abort()

    def abort(self) -> None:
        if not self._closed:
            self._closed = True
            asyncio.get_running_loop().call_soon(self._wire.connection_lost, None)

    def is_closing(self) -> bool:
        return self._closed

    def get_write_buffer_size(self) -> int:
        return 0


class Babbler(asyncio.Transport):
    """A next hop that answers each write with the next of `chunks`, whatever it is, and ends when it knows no more."""

    def __init__(self, wire: ClientWire, chunks: list[bytes]) -> None:
        super().__init__()
        self.last_words = b""  # on the end of a message
        self._wire = wire
        self._chunks = chunks
        self._writes = 0
        self._ended = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._writes += 1
        chunk = self._chunks.pop(0) if self._chunks else b""
        if bytes(data).endswith(END):
            self.last_words = chunk
        asyncio.get_running_loop().call_soon(self._answer, chunk, self._writes)

    def _answer(self, chunk: bytes, write: int) -> None:
        if chunk and not self._ended:
            self._wire.data_received(chunk)
        asyncio.get_running_loop().call_later(0, self._end_after, write)

    def _end_after(self, write: int) -> None:
        if write == self._writes and not self._wire.quiet:
            self.abort()

    def abort(self) -> None:
        if not self._ended:
            self._ended = True
            asyncio.get_running_loop().call_soon(self._wire.connection_lost, None)

    def close(self) -> None:
        self.abort()

    def is_closing(self) -> bool:
        return self._ended

    def get_write_buffer_size(self) -> int:
        return 0


class BabblingPool:
    """As below, with a next hop that says whatever it likes."""

    def __init__(self, chunks: list[bytes]) -> None:
        self.chunks = chunks
        self.servers: list[Babbler] = []

    async def acquire(self) -> Connection:
        wire = ClientWire(config.HostPort(host="127.0.0.1", port=1), 300.0)
        server = Babbler(wire, self.chunks)
        wire.connection_made(server)
        wire.data_received(b"220 mx\r\n")
        await wire.greeting
        self.servers.append(server)
        return Connection(wire)

    def release(self, connection: Connection) -> None:
        connection.close()

    async def capabilities(self) -> Capabilities:
        return Capabilities({})


class MemoryPool:
    """In the place of `relay.pool.Pool`: each transaction has a connection of its own.

    `answers` are replies by verb, "." for a message; the others are positive.
    """

    def __init__(self, *offers: str) -> None:
        self.heard = bytearray()
        self.servers: list[NextHop] = []
        self.answers: dict[bytes, bytes] = {}
        self._offers = Capabilities(dict.fromkeys(offers, ""))

    @property
    def messages(self) -> list[bytes]:
        return [message for server in self.servers for message in server.messages]

    async def acquire(self) -> Connection:
        wire = ClientWire(config.HostPort(host="127.0.0.1", port=1), 300.0)
        server = NextHop(wire, self.heard, self.answers)
        wire.connection_made(server)
        wire.data_received(b"220 mx\r\n")
        await wire.greeting
        self.servers.append(server)
        connection = Connection(wire)
        connection.capabilities = self._offers
        return connection

    def release(self, connection: Connection) -> None:
        connection.close()

    async def capabilities(self) -> Capabilities:
        return self._offers

    async def close(self) -> None:
        """Each connection has ended with its transaction."""
