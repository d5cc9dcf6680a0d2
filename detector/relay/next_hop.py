"""One SMTP connection to a next hop: commands and their replies word for word, and the message."""

import asyncio
from collections.abc import AsyncIterable, Awaitable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from detector.config import HostPort
from detector.mail.reply import Reply
from detector.relay.client_wire import ClientWire, NextHopError, Replies
from detector.relay.outbox import Octets

__all__ = ["Capabilities", "Connection", "NextHopError"]

PIECE_BYTES = 262_144  # so much may wait to be sent
TURN_BYTES = 262_144  # after so much of a message, other sessions have their turn
QUIT_TIME = 5.0
VERBS = {verb[:4].encode(): verb for verb in ("MAIL", "RCPT", "DATA", "RSET", "XFORWARD")}
"""Of nearly all commands, by how they begin."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What the reply to EHLO offers: keyword (upper case) and its parameters (RFC 5321 section 4.1.1.1)."""

    keywords: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, reply: Reply) -> "Capabilities":
        """From the reply to EHLO; its first line is a greeting."""
        parts = (line.partition(" ") for line in reply.lines[1:])
        return cls({keyword.upper(): parameters for keyword, _, parameters in parts if keyword})

    def offers(self, keyword: str) -> bool:
        return keyword in self.keywords

    @property
    def size(self) -> int | None:
        """The largest message in bytes; None if the next hop names no limit (RFC 1870 section 4: 0 is none)."""
        text = self.keywords.get("SIZE", "")
        return (int(text) or None) if text.isascii() and text.isdigit() and len(text) <= 20 else None


class Connection:
    """Made by `dial.connect`. One caller at a time; a caller that is cancelled while it waits ends the connection.

    After a `NextHopError`, or a reply with code 421, the connection is not `usable` any more.
    """

    def __init__(self, wire: ClientWire) -> None:
        self.wire = wire
        self.capabilities = Capabilities()
        self._in_transaction = False
        self._turn_bytes = 0

    @property
    def server(self) -> HostPort:
        return self.wire.server

    @property
    def failure(self) -> NextHopError | None:
        return self.wire.failure

    @property
    def usable(self) -> bool:
        return self.wire.usable

    @property
    def reusable(self) -> bool:
        """Another session may have it: no transaction is open, no reply is under way."""
        return not self._in_transaction and self.wire.quiet

    async def command(self, line: bytes) -> Reply:
        """Send one command (without CRLF); its reply. Raises `NextHopError`."""
        return (await self._exchange((line,)))[0]  # most of the work of a hop goes through here

    def commands(self, lines: Sequence[bytes]) -> Awaitable[list[Reply]]:
        """Send several, in one group if the next hop offers PIPELINING (RFC 2920); a reply for each.

        A 421 is the reply to all that follow, too. Raises `NextHopError`.
        """
        # Not a coroutine around a coroutine: there would be ten of them for each message.
        return self._exchange(lines) if lines and self.capabilities.offers("PIPELINING") else self._one_by_one(lines)

    async def body(self, chunks: bytes | AsyncIterable[Octets] | Iterable[Octets]) -> Reply:
        r"""After a 354: send the message, dot-stuffed, the ending `.\r\n` included; the final reply.

        A refusal that comes before the end was sent is given back, and the connection closed. If `chunks` raises, the
        connection is closed without the ending dot, so that the next hop discards the message. Raises `NextHopError`.

        An acceptance that was here before the system had taken all of the message is refused. One that a server sends
        unread, and that crosses the end of the message, cannot be told from an honest one: the other system has
        acknowledged all octets by then (208 of 212 that were believed, of 2,000).
        """
        if self.wire.farewell is not None:
            return self.wire.farewell
        expected = self.wire.expect(("BODY",))
        try:
            complete = await self._send(chunks, expected)
            (reply,) = await self.wire.replies(expected)
        except BaseException:
            self.close()
            raise
        if complete and not self.wire.unsent_bytes:
            self._in_transaction = False  # whatever the reply is (RFC 5321 section 4.1.1.4)
        elif reply.positive:
            self.wire.fail("protocol", f"accepted a message before its end: {reply}")
            raise self.wire.error()
        else:
            self.close()
        return reply

    def close(self) -> None:
        """At once; what is not yet sent is never sent."""
        self.wire.close()

    def leave(self) -> None:
        """Say QUIT and go, without waiting for the answer; close if that is not possible."""
        if self.reusable:
            self.wire.leave(QUIT_TIME)
        else:
            self.close()

    async def quit(self) -> None:
        """Say QUIT and wait, at most 5 seconds, until the connection has ended (RFC 5321 section 4.1.1.10)."""
        self.leave()
        await asyncio.wait([self.wire.ended], timeout=QUIT_TIME)

    async def _one_by_one(self, lines: Sequence[bytes]) -> list[Reply]:
        return [await self.command(line) for line in lines]

    async def _exchange(self, lines: Sequence[bytes]) -> list[Reply]:
        octets = b"\r\n".join((*lines, b""))
        if not octets.count(b"\n") == octets.count(b"\r") == len(lines):
            raise ValueError("a command is one line")
        if self.wire.farewell is not None:
            return [self.wire.farewell] * len(lines)
        verbs = [VERBS.get(line[:4]) or _verb(line) for line in lines]
        expected = self.wire.expect(verbs)
        self.wire.write(octets)
        try:
            replies = await expected
        except asyncio.CancelledError:
            self.close()  # or the reply would be taken for that of the next command
            raise
        for verb, reply in zip(verbs, replies, strict=True):
            if (verb == "MAIL" or verb == "RSET") and reply.positive:  # noqa: PLR1714 - asked for each command
                self._in_transaction = verb == "MAIL"
        return replies

    async def _send(self, chunks: bytes | AsyncIterable[Octets] | Iterable[Octets], expected: Replies) -> bool:
        """False if the reply came before the end."""
        if isinstance(chunks, bytes):
            if len(chunks) <= PIECE_BYTES:
                self.wire.write(chunks)
                return True
            chunks = (chunks,)
        if isinstance(chunks, AsyncIterable):
            async for chunk in chunks:
                if not await self._send_on(chunk, expected):
                    return False
        else:
            for chunk in chunks:
                if not await self._send_on(chunk, expected):
                    return False
        return True

    async def _send_on(self, chunk: Octets, expected: Replies) -> bool:
        for piece in _cut(chunk):
            if expected.done():
                return False
            self.wire.write(piece)
            await self.wire.room()
            self._turn_bytes += len(piece)
            if self._turn_bytes >= TURN_BYTES:
                self._turn_bytes = 0
                await asyncio.sleep(0)
        return True


def _verb(line: bytes) -> str:
    return line.partition(b" ")[0].upper().decode("ascii", "replace")


def _cut(chunk: Octets) -> Iterator[Octets]:
    """The same octets in pieces that do not fill the write buffer beyond measure, not copied."""
    if len(chunk) <= PIECE_BYTES:
        yield chunk
    else:
        view = memoryview(chunk)
        yield from (view[start : start + PIECE_BYTES] for start in range(0, len(view), PIECE_BYTES))
