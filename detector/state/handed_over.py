"""For whom the next hop took a message: by queue id, Message-ID and our own transaction id, until results are in."""

import asyncio
import math
import re
from collections import OrderedDict
from collections.abc import Collection, Iterator, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Annotated

import msgspec

from detector.mail.delivery import RECIPIENT_BYTES, Handed, Receipt
from detector.mail.transaction import Stream
from detector.metrics import Metrics
from detector.state.by_beginning import keys_of_values
from detector.state.reads import PATIENCE
from detector.state.table import octets
from detector.state.write_behind import Form, WriteBehind
from detector.state.writer import Marks
from detector.traffic.clock import DAY, latest

FRESH = 10_000
"""Messages in memory: most results come within seconds."""
MOST_AT_ONCE = 64
"""Messages that are read together where one account's are forgotten: others wait meanwhile, on a slow disk, too."""
MOST_PARTS = 16
"""Receipts that one Message-ID, or one transaction of ours, leads to: a message of many recipients comes in several."""

Number = Annotated[int, msgspec.Meta(ge=0)]
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(tuple[bytes, Number | str, Number | Stream, float, bytes, Number | bytes, bool])

STREAMS = (Stream.PERSONAL, Stream.AUTOMATIC)
"""By the number that stands for each; new ones come at the end."""
OURS = re.compile("[0-9a-f]{16}")
MOST_BITS = 64
"""Of the number that says who among the recipients is a first-time one; more than that are written out."""


def pack(handed: Handed) -> bytes:
    """There are many of them, so each octet counts."""
    account = octets(handed.account)  # it may carry octets that are not UTF-8, as surrogate escapes
    recipients = sorted(handed.recipients)
    first_time: int | bytes = b"".join(sorted(handed.first_time))
    if len(recipients) <= MOST_BITS and handed.first_time <= handed.recipients:
        first_time = sum([1 << bit for bit, one in enumerate(recipients) if one in handed.first_time])
    stream = STREAMS.index(handed.stream)
    short = _short(handed.transaction_id)
    told = (account, short, stream, handed.at, b"".join(recipients), first_time, handed.trusted)
    return _encoder.encode(told)


def begins(account: str) -> bytes:
    """The first octets of each message of the account, as `pack` makes them."""
    return pack(Handed(account, "", Stream.PERSONAL, 0.0, frozenset()))[: len(_encoder.encode(octets(account))) + 1]


def is_of(handed: Handed, accounts: Mapping[str, float]) -> bool:
    """Whether it is one of these accounts', of before the time beside it."""
    return handed.at <= accounts.get(handed.account, -math.inf)


def unpack(packed: bytes) -> Handed:
    """Raises `ValueError` for anything that `pack` did not make, now or when it wrote all as words and hashes."""
    account, transaction_id, stream, at, joined, first, trusted = _decoder.decode(packed)
    login = account.decode("utf-8", "surrogateescape")
    recipients = list(_hashes(joined))
    first_time = _chosen(recipients, first) if isinstance(first, int) else _hashes(first)
    return Handed(
        login,
        transaction_id if isinstance(transaction_id, str) else f"{transaction_id:016x}",
        stream if isinstance(stream, Stream) else _stream(stream),
        at,
        frozenset(recipients),
        frozenset(first_time),
        trusted,
    )


class Often(WriteBehind[Handed]):
    """For many rows a second that are wanted on disk within a fraction of it, by nobody else."""

    batches = 40  # 2 seconds, at 20 writings a second


class MemoryHandedOver:
    """The `HandedOver` of one process and one event loop: the newest in memory, all of them on disk a moment later.

    A message is forgotten after `remember_time` seconds, or when there are `remember_count` newer ones. Lookups raise
    `Temporary` when the disk cannot be read; remembering never fails, and never reads the disk.
    """

    def __init__(  # noqa: PLR0913 - as of `WriteBehind`
        self,
        path: Path,
        write_every: float,
        remember_time: float,
        remember_count: int,
        metrics: Metrics,
        *,
        patience: float = PATIENCE,
        alone: bool = True,
    ) -> None:
        """See `WriteBehind` for `patience`. `alone`: no other process uses the file."""
        self._path = path
        degraded = metrics.state_degraded.labels("handed_over")
        kind = Often if alone else WriteBehind[Handed]
        self._rows = kind(path, Form(pack, unpack), write_every, remember_count, degraded, patience=patience)
        self._remember_time = remember_time
        self._remember_count = remember_count
        self._fresh: OrderedDict[str, Handed] = OrderedDict()
        self._forgotten: dict[str, float] = {}
        self._newest = 0.0
        self._put_count = 0

    async def remember(self, receipt: Receipt, handed: Handed, now: float) -> None:
        before, self._newest = self._newest, latest(self._newest, now)
        # A server that tells no queue id leaves the Message-ID to know it by.
        key = _key(receipt.server, receipt.queue_id or f"transaction {handed.transaction_id}")
        mark = _transaction_mark(handed.transaction_id)
        marks: Marks = (mark, _message_mark(receipt.message_id)) if receipt.message_id else (mark,)
        self._fresh[key] = handed
        if len(self._fresh) > min(FRESH, self._remember_count):
            self._fresh.popitem(last=False)
        self._rows.put(key, handed, now, marks)
        self._put_count += 1
        # A clock that leaps says nothing about the age of what is remembered.
        if self._newest - before < DAY and self._put_count % max(1, self._remember_count // 100) == 0:
            self._rows.forget(now - self._remember_time, self._remember_count)

    async def by_queue_id(self, server: str, queue_id: str) -> Handed | None:
        return self._if_kept(await self._find(_key(server, queue_id)))

    async def by_queue_ids(self, receipts: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], Handed]:
        keys = {one: _key(*one) for one in receipts}
        there = {key: self._fresh[key] for key in keys.values() if key in self._fresh}
        there |= await self._rows.find_all([key for key in keys.values() if key not in there])
        found = {one: self._if_kept(there.get(key)) for one, key in keys.items()}
        return {one: handed for one, handed in found.items() if handed is not None}

    async def by_message_id(self, message_id: str) -> Sequence[Handed]:
        return await self._all(_message_mark(message_id), f"message {_hashed(message_id).hex()}")

    async def by_transaction(self, transaction_id: str) -> Sequence[Handed]:
        return await self._all(_transaction_mark(transaction_id), f"transaction {transaction_id}")

    async def forget(self, accounts: Mapping[str, float]) -> None:
        self._forgotten.update(accounts)
        await self._rows.sorted_in()
        stored = await asyncio.to_thread(keys_of_values, self._path, [begins(account) for account in accounts])
        found = dict(self._fresh)
        rest = [key for key in stored if key not in found]
        for start in range(0, len(rest), MOST_AT_ONCE):
            found |= await self._rows.find_all(rest[start : start + MOST_AT_ONCE])
        for key, handed in found.items():
            if is_of(handed, accounts):
                self._fresh.pop(key, None)
                self._rows.put(key, None)
        await self._rows.sorted_in()
        self._forgotten = {one: at for one, at in self._forgotten.items() if accounts.get(one) != at}

    def tidy(self, now: float) -> None:
        """Keep nothing longer than is promised, though nothing new comes."""
        self._rows.forget(now - self._remember_time, self._remember_count)

    def close(self) -> None:
        """Write what was not written yet. Blocks."""
        self._rows.close()

    async def _all(self, mark: bytes, earlier_mark: str) -> Sequence[Handed]:
        """`earlier_mark` is how it was written once: as text, which takes twice as much room, in rows and indexes."""
        there = await self._rows.marked(octets(earlier_mark), MOST_PARTS)
        there |= await self._rows.marked(mark, MOST_PARTS)
        newest = list(there.values())[-MOST_PARTS:]
        return [handed for handed in newest if self._if_kept(handed) is not None]

    async def _find(self, key: str) -> Handed | None:
        fresh = self._fresh.get(key)
        return await self._rows.find(key) if fresh is None else fresh

    def _if_kept(self, handed: Handed | None) -> Handed | None:
        if handed is None or handed.at < self._newest - self._remember_time or is_of(handed, self._forgotten):
            return None
        return handed


def _hashes(joined: bytes) -> Iterator[bytes]:
    if len(joined) % RECIPIENT_BYTES:
        msg = "half a hash"
        raise ValueError(msg)
    return (joined[at : at + RECIPIENT_BYTES] for at in range(0, len(joined), RECIPIENT_BYTES))


def _chosen(recipients: Sequence[bytes], bits: int) -> Iterator[bytes]:
    if bits >> len(recipients):
        msg = "a first-time recipient who is none"
        raise ValueError(msg)
    return (one for bit, one in enumerate(recipients) if bits >> bit & 1)


def _stream(number: int) -> Stream:
    if number >= len(STREAMS):
        msg = f"there is no stream {number}"
        raise ValueError(msg)
    return STREAMS[number]


def _short(transaction_id: str) -> int | str:
    """As a number, if it is one of 64 bits in hexadecimal, as ours are."""
    return int(transaction_id, 16) if OURS.fullmatch(transaction_id) else transaction_id


def _key(server: str, queue_id: str) -> str:
    return f"{server} {queue_id}"  # a server is `host:port`, without a space


def _transaction_mark(transaction_id: str) -> bytes:
    return b"t" + (bytes.fromhex(transaction_id) if OURS.fullmatch(transaction_id) else octets(transaction_id))


def _message_mark(message_id: str) -> bytes:
    return b"m" + _hashed(message_id)


def _hashed(message_id: str) -> bytes:
    """With and without its angle brackets. The sender chose it, so it may be long, and say who he is."""
    bare = message_id.strip().removeprefix("<").removesuffix(">")
    return blake2b(octets(bare), digest_size=16).digest()
