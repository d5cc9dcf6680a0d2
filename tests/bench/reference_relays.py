"""Two relays to compare with. Neither is a product: no TLS, no limits, no time-outs, no log.

    python -m tests.bench.reference_relays raw 20025 25      as little Python as a hop can be, on uvloop
    python -m tests.bench.reference_relays stock 20025 25    aiosmtpd as it comes, on asyncio's own loop

Both hold the whole message and answer its end with the next hop's reply. The ports: where they listen, where they send.
"""

import asyncio
import sys
from typing import cast

import uvloop
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.bench.talk import Refused, Talk, talk
from tests.support.ports import HOST
from tests.support.smtp_client import dot_stuffed

END = b"\r\n.\r\n"
LATER = b"451 4.4.1 Later"
OFFER = b"250-raw.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 104857600\r\n"


class NextHop:
    """Kept connections."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[Talk] = []

    async def send(self, sender: bytes, recipients: list[bytes], message: bytes) -> bytes:
        try:
            one = self._idle.pop() if self._idle else await talk(self._port)
            reply = await one.send(sender, recipients, message, pipelined=True)
        except (OSError, Refused):
            return LATER
        self._idle.append(one)
        return reply


class Raw(asyncio.Protocol):
    """Answers the envelope by itself."""

    def __init__(self, next_hop: NextHop) -> None:
        self._next_hop = next_hop
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport
        self._held = b""
        self._message: list[bytes] | None = None
        self._tail = b""
        self._task: asyncio.Task[None] | None = None
        self._sender, self._recipients = b"", list[bytes]()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(b"220 raw.example ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        if self._message is not None:
            self._receive(self._message, data)
            return
        self._held += data
        if self._task is None:
            self._answer()

    def _answer(self) -> None:
        while self._message is None and (end := self._held.find(b"\r\n")) >= 0:
            line, self._held = self._held[:end], self._held[end + 2 :]
            self._transport.write(self._reply(line[:4].upper(), line))
            if line[:4].upper() == b"QUIT":
                self._transport.close()
        if self._message is not None:
            rest, self._held = self._held, b""
            self._receive(self._message, rest)

    def _reply(self, verb: bytes, line: bytes) -> bytes:
        if verb == b"MAIL":
            self._sender, self._recipients = _address(line), []
        elif verb == b"RCPT":
            self._recipients.append(_address(line))
        elif verb == b"DATA":
            self._message, self._tail = [], b"\r\n"
            return b"354 Go on\r\n"
        elif verb == b"EHLO":
            return OFFER
        return b"221 Bye\r\n" if verb == b"QUIT" else b"250 Ok\r\n"

    def _receive(self, message: list[bytes], data: bytes) -> None:
        seam = self._tail + data[:4]
        at = seam.find(END) - len(self._tail)
        if at < -len(self._tail):
            at = data.find(END)
            if at < 0:
                message.append(data)
                self._tail = (self._tail + data[-4:])[-4:]
                return
        message.append(data[: at + len(END)])
        self._held, self._message = data[at + len(END) :], None
        self._task = self._loop.create_task(self._pass_on(b"".join(message)))

    async def _pass_on(self, message: bytes) -> None:
        reply = await self._next_hop.send(self._sender, self._recipients, message)
        self._transport.write(reply + b"\r\n")
        self._task = None
        self._answer()


class Stock:
    """A handler for aiosmtpd."""

    def __init__(self, next_hop: NextHop) -> None:
        self._next_hop = next_hop

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - its name there
        recipients = [one.encode() for one in envelope.rcpt_tos]
        content = dot_stuffed(cast("bytes", envelope.content)) + b".\r\n"
        return (await self._next_hop.send((envelope.mail_from or "").encode(), recipients, content)).decode()


def _address(line: bytes) -> bytes:
    return line.partition(b"<")[2].partition(b">")[0]


async def serve(kind: str, port: int, next_port: int) -> None:
    next_hop = NextHop(next_port)

    def made() -> asyncio.BaseProtocol:
        return Raw(next_hop) if kind == "raw" else SMTP(Stock(next_hop), data_size_limit=1 << 27)

    loop = asyncio.get_running_loop()
    async with await loop.create_server(made, HOST, port, backlog=1024) as server:
        await server.serve_forever()


def main() -> None:
    kind, port, next_port = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    run = uvloop.run if kind == "raw" else asyncio.run
    run(serve(kind, port, next_port))


if __name__ == "__main__":
    main()
