"""The load: so many messages over so many sessions, as fast as they are answered or at a steady rate."""

import asyncio
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass

from tests.bench.mail import another, bodies, head
from tests.bench.talk import Refused, Talk, talk
from tests.support.ports import HOST

SESSIONS = 20


@dataclass(frozen=True, slots=True)
class Load:
    """`new`: a connection for each message. `repeated`: one body for all.

    `rate`: messages a second, 0 for as many as are answered. `recipients`: of each message; more than one come in one
    group of commands, as real submission servers send them (RFC 2920).
    """

    size: int
    messages: int
    new: bool = False
    repeated: bool = False
    rate: float = 0.0
    recipients: int = 1

    async def send(self, port: int) -> list[float]:
        """Seconds that each accepted message took; at a steady rate from the moment at which it was due."""
        run, all_bodies = secrets.token_hex(4), bodies(self.size)[: 1 if self.repeated else None]
        numbers, began, took = iter(range(self.messages)), time.perf_counter(), list[float]()

        async def session() -> None:
            one: Talk | None = None
            for number in numbers:
                due = began + number / self.rate if self.rate else time.perf_counter()
                if self.rate:
                    await asyncio.sleep(max(0.0, due - time.perf_counter()))
                sender, recipient, lines = head(number, run)
                body = all_bodies[number % len(all_bodies)]
                body = body if self.repeated else another(body, number, run)
                try:
                    one = one or await talk(port)
                    many = [b"%d.%b" % (place, recipient) for place in range(1, self.recipients)]
                    await one.send(sender, [recipient, *many], lines + body, pipelined=bool(many))
                except (OSError, Refused):
                    one = None
                    continue
                took.append(time.perf_counter() - due)
                if self.new:
                    one.leave()
                    one = None
            if one is not None:
                one.leave()

        await asyncio.gather(*(session() for _ in range(SESSIONS)))
        return took

    async def scan(self, port: int) -> list[float]:
        """The same messages for rspamd, by HTTP."""
        run, all_bodies = secrets.token_hex(4), bodies(self.size)
        numbers, took = iter(range(self.messages)), list[float]()
        await asyncio.gather(*(_scanning(port, numbers, run, all_bodies, took) for _ in range(SESSIONS)))
        return took


async def _scanning(port: int, numbers: Iterator[int], run: str, all_bodies: list[bytes], took: list[float]) -> None:
    for number in numbers:
        began = time.perf_counter()
        sender, recipient, lines = head(number, run)
        message = lines + another(all_bodies[number % len(all_bodies)], number, run)[:-3]
        asked = b"POST /checkv2 HTTP/1.1\r\nHost: bench\r\nFrom: %b\r\nRcpt: %b\r\nContent-Length: %d\r\n\r\n"
        reader, writer = await asyncio.open_connection(HOST, port)  # it closes each after its answer
        writer.write(asked % (sender, recipient, len(message)) + message)
        answer = await reader.read()
        if b" 200 " not in answer[:16]:
            raise ConnectionError(answer[:200].decode("latin-1"))
        took.append(time.perf_counter() - began)
        writer.close()


def seconds_to_first_mail(began: float, port: int) -> float:
    """From `began` (by the monotonic clock) until a first message is accepted, once the port is open."""

    async def first() -> None:
        one = await talk(port)
        await one.send(b"a@customer.example", [b"b@peer.example"], b"Subject: first\r\n\r\nhello\r\n.\r\n")
        one.leave()

    asyncio.run(first())
    return time.monotonic() - began
