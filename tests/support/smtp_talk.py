"""A bare SMTP client for tests that need to be rude, slow or in the middle of things."""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.support.ports import PATIENCE


class SmtpTalk:
    """Says octets, hears complete replies."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def hear(self) -> str:
        """One reply, its lines joined by a newline; empty when the server has closed."""
        lines = []
        while line := await asyncio.wait_for(self.reader.readline(), PATIENCE):
            lines.append(line.decode("utf-8", "replace").rstrip("\r\n"))
            if line[3:4] != b"-":
                break
        return "\n".join(lines)

    async def ask(self, command: str) -> str:
        self.writer.write(command.encode() + b"\r\n")
        return await self.hear()

    async def begin(self, *recipients: str, xforward: str = "") -> str:
        """From the greeting up to the answer to DATA."""
        await self.hear()
        await self.ask("EHLO pc.example")
        if xforward:
            await self.ask(f"XFORWARD {xforward}")
        await self.ask("MAIL FROM:<ann@example.org>")
        for recipient in recipients or ("bob@example.net",):
            await self.ask(f"RCPT TO:<{recipient}>")
        return await self.ask("DATA")

    async def message(self, octets: bytes) -> str:
        self.writer.write(octets + b"\r\n.\r\n")
        await self.writer.drain()
        return await self.hear()

    async def start_tls(self, context: ssl.SSLContext) -> None:
        await self.ask("STARTTLS")
        await self.writer.start_tls(context)

    def reset(self) -> None:
        """Gone without a word: what the server says from now on meets a closed door."""
        linger = struct.pack("ii", 1, 0)
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.writer.transport.abort()

    async def close(self) -> None:
        self.writer.close()
        await asyncio.gather(self.writer.wait_closed(), return_exceptions=True)


@asynccontextmanager
async def smtp_talk(port: int) -> AsyncIterator[SmtpTalk]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    talk = SmtpTalk(reader, writer)
    try:
        yield talk
    finally:
        await talk.close()
