"""What the first process and its workers say to each other: a line of JSON for each message, on a pair of sockets."""

import asyncio
import socket
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import msgspec

MOST_BYTES = 2**24
"""Of one line: the figures of a worker have some 100 KB, and a configuration less."""


class Begin(msgspec.Struct, tag=True, frozen=True):
    """The first message to a worker: the text of the configuration that holds, and where it stands.

    `began` is that with which the first process has begun: what takes a restart is as it says. `forgiven`: see
    `Decisions.forgiven`. `name` is that of the first process, see `Roll`.
    """

    number: int
    workers: int
    text: str
    began: str
    source: str
    forgiven: int
    name: str = ""


class Follow(msgspec.Struct, tag=True, frozen=True):
    """Take over this configuration, and say so."""

    text: str


class Look(msgspec.Struct, tag=True, frozen=True):
    """The records have changed; whoever is forgiven up to this sequence may send again."""

    forgiven: int


class Held(msgspec.Struct, tag=True, frozen=True):
    """A worker has a message of this digest on disk: the others must know it when it is handed over again."""

    digest: str


class Ask(msgspec.Struct, tag=True, frozen=True):
    """Tell your figures."""


class Stop(msgspec.Struct, tag=True, frozen=True):
    """Let running transactions end, and then end."""


class Ready(msgspec.Struct, tag=True, frozen=True):
    """The worker takes mail."""


class Failed(msgspec.Struct, tag=True, frozen=True):
    """It cannot start."""

    problem: str


class Followed(msgspec.Struct, tag=True, frozen=True):
    """The answer to `Follow`; with a problem everything is as it was."""

    problem: str = ""


class Opened(msgspec.Struct, tag=True, frozen=True):
    """An incident stands in the records."""

    incident_id: str


class Alive(msgspec.Struct, tag=True, frozen=True):
    """Said about once a second."""


class Figure(msgspec.Struct, array_like=True, frozen=True):
    """A sample of a metric. The exemplar is labels, value and Unix time."""

    name: str
    labels: dict[str, str]
    value: float
    exemplar: tuple[dict[str, str], float, float | None] | None = None


Page = dict[str, list[Figure]]
"""The samples of each family of metrics."""


class Figures(msgspec.Struct, tag=True, frozen=True):
    """The answer to `Ask`."""

    page: Page


ToWorker = Begin | Follow | Look | Held | Ask | Stop
FromWorker = Ready | Failed | Followed | Opened | Held | Alive | Figures

T = TypeVar("T")


@dataclass(slots=True)
class Channel(Generic[T]):
    """One end. What comes is read with `receive` by one task."""

    _reader: asyncio.StreamReader
    _writer: asyncio.StreamWriter
    _decoder: msgspec.json.Decoder[T]
    _encoder: msgspec.json.Encoder = field(init=False, default_factory=msgspec.json.Encoder)

    @classmethod
    async def open(cls, end: socket.socket, decoder: msgspec.json.Decoder[T]) -> "Channel[T]":
        reader, writer = await asyncio.open_connection(sock=end, limit=MOST_BYTES)
        return cls(reader, writer, decoder)

    async def receive(self) -> T | None:
        """None when the other end is gone."""
        try:
            line = await self._reader.readline()
            return self._decoder.decode(line) if line.endswith(b"\n") else None
        except OSError:
            return None

    def send(self, message: ToWorker | FromWorker) -> None:
        """Never waits; what nobody takes any more is lost."""
        if not self._writer.is_closing():
            self._writer.write(self._encoder.encode(message) + b"\n")

    def close(self) -> None:
        self._writer.close()


to_worker: msgspec.json.Decoder[ToWorker] = msgspec.json.Decoder(ToWorker)
from_worker: msgspec.json.Decoder[FromWorker] = msgspec.json.Decoder(FromWorker)
