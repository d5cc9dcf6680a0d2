"""The sending side of a mail server: many sessions, pipelined, each message tried again until it is answered 250."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.support.ports import HOST

RETRY_AFTER = 0.1


@dataclass(frozen=True, slots=True)
class Letter:
    """A message to send; `content` has CRLF line ends and ends with one."""

    sender: str
    recipient: str
    content: bytes


@dataclass(slots=True)
class Outcome:
    """What the sender knows afterwards.

    `uncertain`: recipients of messages whose end was sent and never answered. A sender must try those again and the
    receiver may get them twice (RFC 1047); every other message must arrive exactly once.
    """

    accepted: int = 0
    uncertain: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    lost_connections: int = 0


class Sender:
    """Sends all letters to the port, `sessions` at a time, until each one was accepted."""

    def __init__(self, port: int, letters: Sequence[Letter], sessions: int = 20) -> None:
        self._port = port
        self._waiting = list(reversed(letters))
        self._sessions = sessions
        self.outcome = Outcome()

    async def run(self) -> Outcome:
        await asyncio.gather(*(self._keep_sending() for _ in range(self._sessions)))
        return self.outcome

    async def _keep_sending(self) -> None:
        while self._waiting:
            try:
                reader, writer = await asyncio.open_connection(HOST, self._port, limit=2**16)
            except OSError:
                await asyncio.sleep(RETRY_AFTER)
                continue
            try:
                await self._session(reader, writer)
            except (ConnectionError, asyncio.IncompleteReadError):
                self.outcome.lost_connections += 1
            finally:
                writer.close()

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _reply(reader)
        writer.write(b"EHLO sender.example\r\n")
        await _reply(reader)
        while self._waiting:
            letter = self._waiting.pop()
            accepted = False
            try:
                accepted = await self._send(letter, reader, writer)
            finally:
                if not accepted:
                    self._waiting.insert(0, letter)
        writer.write(b"QUIT\r\n")
        await _reply(reader)

    async def _send(self, letter: Letter, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        mail = f"MAIL FROM:<{letter.sender}> SIZE={len(letter.content)} BODY=8BITMIME"
        writer.write(f"{mail}\r\nRCPT TO:<{letter.recipient}>\r\nDATA\r\n".encode())
        replies = [await _reply(reader) for _ in range(3)]
        if not replies[2].startswith("354"):
            self.outcome.refusals.append(" / ".join(replies))
            writer.write(b"RSET\r\n")
            await _reply(reader)
            await asyncio.sleep(RETRY_AFTER)
            return False
        writer.write(dot_stuffed(letter.content) + b".\r\n")
        try:
            final = await _reply(reader)
        except (ConnectionError, asyncio.IncompleteReadError):
            self.outcome.uncertain.append(letter.recipient)
            raise
        if not final.startswith("250"):
            self.outcome.refusals.append(final)
            await asyncio.sleep(RETRY_AFTER)
            return False
        self.outcome.accepted += 1
        return True


def dot_stuffed(content: bytes) -> bytes:
    """RFC 5321 section 4.5.2."""
    stuffed = content.replace(b"\r\n.", b"\r\n..")
    return b"." + stuffed if stuffed.startswith(b".") else stuffed


async def _reply(reader: asyncio.StreamReader) -> str:
    lines = []
    while True:
        line = (await reader.readuntil(b"\r\n")).decode("utf-8", "replace")
        lines.append(line.strip())
        if line[3:4] != "-":
            return " ".join(lines)
