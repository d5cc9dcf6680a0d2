"""One SMTP session in memory: octets in, replies and what the next hop was told out."""

import asyncio
import re
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar, cast

from detector import config, log
from detector.relay.pool import Pool
from detector.relay.session import Session
from tests.fuzz.next_hop import LAX_ENDS, BabblingPool, MemoryPool
from tests.support.relay_house import House, house

T = TypeVar("T")
SETTINGS = """
observe = true
unknown_identity = "relay"
next_hop.tls.mode = "off"
relay.xclient_clients = ["127.0.0.1"]
[[identity]]
source = "policy-service"
[[identity]]
source = "xclient"
[[identity]]
source = "header"
name = "X-AuthUser"
[[identity]]
source = "envelope-sender"
"""
WHOLE_REPLY = re.compile(r"(?:([2-5]\d\d)-[^\r\n]*\r\n(?=\1))*[2-5]\d\d(?: [^\r\n]*)?\r\n")
ACCEPTED = re.compile(rb"(?:(2\d\d)-[^\r\n]*\r?\n(?=\1))*2\d\d(?: [^\r\n]*)?\r?\n")  # old servers leave CR away
STAMPED = re.compile(rb" id t\d+;")


class Client(asyncio.Transport):
    """The client's end of the connection."""

    def __init__(self) -> None:
        super().__init__()
        self.heard = bytearray()
        self._closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self._closed
        self.heard += data

    def close(self) -> None:
        self._closed = True

    def abort(self) -> None:
        self._closed = True

    def write_eof(self) -> None:
        self._closed = True

    def is_closing(self) -> bool:
        return self._closed

    def pause_reading(self) -> None:
        """What was cut off already comes all the same."""

    def resume_reading(self) -> None:
        """As above."""

    def get_write_buffer_size(self) -> int:
        return 0

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return {"peername": ("127.0.0.1", 40_000), "socket": Descriptor()}.get(name, default)


class Descriptor:
    """A connection's place among the descriptors: there are plenty."""

    def fileno(self) -> int:
        return 0


@dataclass(frozen=True, slots=True)
class Heard:
    """What both sides heard in one session."""

    client: bytes
    next_hop: bytes
    messages: list[bytes]

    @property
    def replies(self) -> list[bytes]:
        """The last line of each reply."""
        return [line for line in self.client.split(b"\r\n") if line[3:4] != b"-"][:-1]


class Sessions:
    """One house in which each session is the first."""

    def __init__(self, spool: Path, *settings: str) -> None:
        """Each of `settings` is one more line of TOML."""
        self._loop = asyncio.new_event_loop()
        self._stack = AsyncExitStack()
        self._settings = config.parse("\n".join((f'relay.spool_directory = "{spool}"', *settings, SETTINGS)))
        self.faults: list[BaseException] = []
        self._house = self._loop.run_until_complete(self._open(spool))

    async def _open(self, spool: Path) -> House:
        nobody = config.HostPort(host="127.0.0.1", port=1)
        return await self._stack.enter_async_context(house(self._settings, spool, nobody))

    def close(self) -> None:
        self._loop.run_until_complete(self._stack.aclose())
        self._loop.close()

    def hold(self, pieces: Iterator[bytes]) -> Heard:
        """One session; `faults` are those of ours that it laid bare."""
        self.faults.clear()
        return self.run(self._hold(pieces))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Notes what would be logged as a fault of ours."""
        kept = log.internal_error
        log.internal_error = self._fault
        try:
            return self._loop.run_until_complete(work)
        finally:
            log.internal_error = kept

    def _fault(self, where: str, error: BaseException) -> None:
        self.faults.append(error)

    async def _hold(self, pieces: Iterator[bytes]) -> Heard:
        talk = await self.begin()
        for piece in pieces:
            if talk.client.is_closing():
                break
            await talk.say(piece)
        await talk.end()
        return Heard(bytes(talk.client.heard), STAMPED.sub(b"", bytes(talk.pool.heard)), talk.pool.messages)

    async def begin(self, babbling: BabblingPool | None = None) -> "Talk":
        """Connect; nothing is known of earlier sessions."""
        place, pool, client = self._house, MemoryPool("PIPELINING", "XFORWARD", "8BITMIME", "SMTPUTF8", "DSN"), Client()
        place.profiles.profiles.clear()
        place.handed_over.taken.clear()
        place.server.reconfigure(self._settings, replace(place.route, pool=cast("Pool", babbling or pool)), None)
        talk = Talk(Session(place.server, self._settings.relay, None), client, pool)
        talk.session.connection_made(client)
        await asyncio.sleep(0)
        return talk


@dataclass(frozen=True, slots=True)
class Talk:
    """One session, piece by piece."""

    session: Session
    client: Client
    pool: MemoryPool

    async def say(self, piece: bytes) -> str:
        """What the client hears until it has its turn again."""
        before = len(self.client.heard)
        self.session.data_received(piece)
        await _quiet(self.session)
        return self.client.heard[before:].decode("utf-8", "replace")

    async def end(self) -> None:
        self.session.connection_lost(None)
        while self.session.server._tasks or self.session.busy:  # noqa: ASYNC110 - each turn of the loop is what we wait for
            await asyncio.sleep(0)
        await asyncio.sleep(0)


async def _quiet(session: Session) -> None:
    """Until it waits for the client."""
    while session.busy and session._message is None:  # noqa: ASYNC110 - as above
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    await asyncio.sleep(0)


def cut(octets: bytes, length: int) -> Iterator[bytes]:
    """In pieces of so many octets."""
    return (octets[at : at + length] for at in range(0, len(octets), length))


def check(sessions: Sessions, octets: bytes) -> None:
    """What must hold for each session, whatever the client sends. The first octet says how the network cuts it."""
    length, octets = octets[0] % 32 or len(octets), octets[1:]
    if not octets:
        return
    heard = sessions.hold(cut(octets, length))
    assert not sessions.faults, sessions.faults
    replies = heard.replies
    taken = sum(before[:3] == b"354" and reply[:3] == b"250" for before, reply in pairwise(replies))
    assert taken <= len(heard.messages)  # no 250 without the next hop's
    assert len(heard.messages) <= replies.count(b"354 End data with <CR><LF>.<CR><LF>")
    for message in heard.messages:
        assert len(LAX_ENDS.findall(b"\r\n" + message)) == 1, message  # no server sees a second one in it
        assert message.count(b"\n") == message.count(b"\r\n") == message.count(b"\r")
        below = message[message.index(b"\r\n", message.index(b";\r\n\t") + 3) + 2 :].removeprefix(b"\r\n")
        assert below in octets or b"authuser" in octets.lower()  # not altered
    if length < len(octets):
        whole = sessions.hold(cut(octets, len(octets)))
        assert (heard.client, heard.next_hop) == (whole.client, whole.next_hop), "cut otherwise it means something else"


COMMANDS = (
    b"EHLO pc",
    b"MAIL FROM:<ann@example.org>",
    b"RCPT TO:<bob@example.net>",
    b"RCPT TO:<cid@example.net>",
    b"DATA",
)


def check_babbling(sessions: Sessions, octets: bytes) -> None:
    """A next hop that says anything: the client gets one reply to each command, and believes only a true acceptance."""
    pool = BabblingPool(octets.split(b"\xff"))

    async def session() -> str:
        talk, heard = await sessions.begin(pool), ""
        for command in COMMANDS:
            heard = await talk.say(command + b"\r\n")
            assert WHOLE_REPLY.fullmatch(heard), heard
        if heard.startswith("354"):
            heard = await talk.say(b"Subject: x\r\n\r\nhello\r\n.\r\n")
            assert WHOLE_REPLY.fullmatch(heard), heard
        await talk.end()
        return heard

    sessions.faults.clear()
    heard = sessions.run(session())
    assert not sessions.faults, sessions.faults
    if heard.startswith("2"):
        assert ACCEPTED.match(pool.servers[-1].last_words), pool.servers[-1].last_words
