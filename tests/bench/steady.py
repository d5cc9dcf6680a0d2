"""Customers who write at a steady rate while things break: each message is tried again until it is accepted.

They come as Postfix brings them: the login by the policy service, then the message with its queue id. At the end the
books are compared: what was accepted has arrived, unchanged, and twice only where the last reply was lost (RFC 1047).
"""

import asyncio
import re
import secrets
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from tests.bench.mail import bodies
from tests.bench.talk import Refused, Talk, talk
from tests.support.ports import HOST
from tests.support.smtp_sink import SunkMessage

ACCOUNTS, FRIENDS = 200, 5
PATIENCE = 30.0
"""Seconds for a message. Whoever waits longer has found something."""
AGAIN_AFTER = 0.05
OUR_TRACE = re.compile(rb"(?:Received|X-Transaction-Tag): [^\r]*\r\n(?:[ \t][^\r]*\r\n)*")
NUMBER = re.compile(rb"^X-Number: (\d+)\r\n")
LOST = (OSError, EOFError, Refused, TimeoutError)


@dataclass(slots=True)
class Books:
    """Seconds that messages took since they were due, and what came in between. `uncertain`: by their numbers."""

    digests: dict[int, bytes] = field(default_factory=dict)
    took: list[float] = field(default_factory=list)
    uncertain: Counter[int] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    lost_connections: int = 0
    twice: int = 0
    """Messages that have arrived more than once, as `differences` has found."""

    def differences(self, arrived: Sequence[SunkMessage]) -> list[str]:
        """What is not as it must be; nothing, if all is well."""
        numbers, wrong = Counter[int](), list[str]()
        for message in arrived:
            content = message.content
            while (trace := OUR_TRACE.match(content)) is not None:
                content = content[trace.end() :]
            if (found := NUMBER.match(content)) is None:
                continue
            number = int(found[1])
            numbers[number] += 1
            if sha256(content).digest() != self.digests.get(number, sha256(content).digest()):
                wrong.append(f"message {number} is altered")
        wrong += [f"message {number} is lost" for number in self.digests.keys() - numbers.keys()]
        self.twice = sum(times > 1 for times in numbers.values())
        for number, times in numbers.items():
            if times > 1 + self.uncertain[number]:
                wrong.append(f"message {number} came {times} times, {self.uncertain[number]} replies were lost")
        return wrong


class Customers:
    """`stop` them, then wait for `run`."""

    def __init__(self, port: int, policy_port: int, rate: float, sessions: int = 8, size: int = 2_000) -> None:
        self.books = Books()
        self._port, self._policy_port = port, policy_port
        self._rate, self._sessions = rate, sessions
        self._bodies = [body.replace(b"\r\n..", b"\r\n.") for body in bodies(size)[:20]]
        self._stopped = False
        self._numbers = iter(range(10**9))
        self._run = secrets.token_hex(4)

    def stop(self) -> None:
        """What was begun is seen through."""
        self._stopped = True

    async def run(self) -> Books:
        loop = asyncio.get_running_loop()
        await asyncio.gather(*(self._session(loop.time()) for _ in range(self._sessions)))
        return self.books

    async def _session(self, began: float) -> None:
        loop = asyncio.get_running_loop()
        connection: Talk | None = None
        for number in self._due_numbers():
            due = began + number / self._rate
            await asyncio.sleep(max(0.0, due - loop.time()))
            due = max(due, loop.time() - 1.0)  # what an outage has held up is not late once more
            accepted = False
            while not accepted:
                try:
                    async with asyncio.timeout(PATIENCE):
                        connection = connection or await talk(self._port)
                        await self._deliver(connection, number)
                        accepted = True
                except LOST as error:
                    self._note(error)
                    if connection is not None:
                        connection.leave()
                    connection = None
                    await asyncio.sleep(AGAIN_AFTER)
            self.books.took.append(loop.time() - due)
        if connection is not None:
            connection.leave()

    def _due_numbers(self) -> Iterator[int]:
        while not self._stopped:
            yield next(self._numbers)

    def _note(self, error: BaseException) -> None:
        if isinstance(error, Refused):
            self.books.refusals[str(error)] += 1
        else:
            self.books.lost_connections += 1

    async def _deliver(self, connection: Talk, number: int) -> None:
        account = f"user{number % ACCOUNTS}@customer.example"
        queue_id = f"{self._run}{number:x}".upper()
        await tell_login(self._policy_port, account, queue_id)
        friend = f"friend{number // ACCOUNTS % FRIENDS}-of-{account.partition('@')[0]}@peer.example"
        content = b"X-Number: %d\r\nFrom: <%b>\r\n" % (number, account.encode()) + self._bodies[number % 20][:-3]
        for command, code in (
            (f"XFORWARD IDENT={queue_id}", b"250"),
            (f"MAIL FROM:<{account}>", b"250"),
            (f"RCPT TO:<{friend}>", b"250"),
            ("DATA", b"354"),
        ):
            await connection.say(command.encode() + b"\r\n", code)
        try:
            await connection.say(content.replace(b"\r\n.", b"\r\n..") + b".\r\n", b"250")
        except Refused:
            raise
        except BaseException:
            self.books.uncertain[number] += 1
            raise
        self.books.digests[number] = sha256(content).digest()


async def tell_login(port: int, account: str, queue_id: str) -> None:
    """As Postfix asks its policy service. Raises `OSError` or `EOFError`; then Postfix would ask again."""
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        asked = f"request=smtpd_access_policy\nqueue_id={queue_id}\nsasl_username={account}\n"
        writer.write(f"{asked}client_address=192.0.2.7\nclient_port=40000\n\n".encode())
        answer = await reader.readline()
        if answer != b"action=DUNNO\n":
            raise EOFError(answer)
    finally:
        writer.close()
