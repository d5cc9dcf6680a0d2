"""For whom the next hop took a message: by queue id, Message-ID and our own transaction id, until results are in."""

import asyncio
import json
from collections import OrderedDict
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path

import msgspec

from detector.mail.delivery import Handed, Receipt
from detector.mail.transaction import Stream
from detector.metrics import Metrics
from detector.ports import Temporary
from detector.state.table import keys_of_values
from detector.state.write_behind import Form, WriteBehind
from detector.traffic.clock import DAY, latest

FRESH = 10_000
"""Messages in memory: most results come within seconds."""
MOST_PARTS = 16
"""Receipts that one Message-ID, or one transaction of ours, leads to: a message of many recipients comes in several."""

Parts = tuple[tuple[str, str], ...]
"""Server and queue id of each."""


def pack(value: Handed | Parts) -> bytes:
    # json, not msgspec: a login may carry octets that are not UTF-8, as surrogate escapes
    if isinstance(value, tuple):
        return json.dumps(value).encode("ascii")
    hashes = [sorted(one.hex() for one in group) for group in (value.recipients, value.first_time)]
    told = [value.account, value.transaction_id, value.stream, value.at, *hashes, value.trusted]
    return json.dumps(told).encode("ascii")


def begins(account: str) -> bytes:
    """The first octets of each message of the account, as `pack` makes them."""
    return json.dumps([account])[:-1].encode("ascii") + b", "


def unpack(packed: bytes) -> Handed | Parts:
    """Raises `ValueError` for anything that `pack` did not make."""
    read = json.loads(packed)
    if isinstance(read, list) and all(isinstance(part, list) for part in read):
        return msgspec.convert(read, tuple[tuple[str, str], ...])
    account, transaction_id, stream, at, recipients, first_time, trusted = msgspec.convert(
        read, tuple[str, str, Stream, float, list[str], list[str], bool]
    )
    hashes = [frozenset(bytes.fromhex(one) for one in group) for group in (recipients, first_time)]
    return Handed(account, transaction_id, stream, at, hashes[0], hashes[1], trusted)


class MemoryHandedOver:
    """The `HandedOver` of one process and one event loop: the newest in memory, all of them on disk a moment later.

    A message is forgotten after `remember_time` seconds, or when there are `remember_count` newer ones. Lookups raise
    `Temporary` when the disk cannot be read; remembering never fails.
    """

    def __init__(
        self, path: Path, write_every: float, remember_time: float, remember_count: int, metrics: Metrics
    ) -> None:
        self._path = path
        degraded = metrics.state_degraded.labels("handed_over")
        self._most_rows = 3 * remember_count  # one by queue id, one by Message-ID, one by the transaction
        self._rows = WriteBehind[Handed | Parts](path, Form(pack, unpack), write_every, self._most_rows, degraded)
        self._remember_time = remember_time
        self._fresh: OrderedDict[str, Handed | Parts] = OrderedDict()
        self._newest = 0.0
        self._put_count = 0

    async def remember(self, receipt: Receipt, handed: Handed, now: float) -> None:
        before, self._newest = self._newest, latest(self._newest, now)
        # A server that tells no queue id leaves the Message-ID to know it by.
        queue_id = receipt.queue_id or f"transaction {handed.transaction_id}"
        self._put(_queue_key(receipt.server, queue_id), handed, now)
        self._put_part(_transaction_key(handed.transaction_id), (receipt.server, queue_id), now)
        if receipt.message_id:
            self._put_part(_message_key(receipt.message_id), (receipt.server, queue_id), now)
        # A clock that leaps says nothing about the age of what is remembered.
        if self._newest - before < DAY and self._put_count % max(1, self._most_rows // 100) == 0:
            self._rows.forget(now - self._remember_time, self._most_rows)

    async def by_queue_id(self, server: str, queue_id: str) -> Handed | None:
        found = self._find(_queue_key(server, queue_id))
        return found if isinstance(found, Handed) and found.at >= self._newest - self._remember_time else None

    async def by_message_id(self, message_id: str) -> Sequence[Handed]:
        return await self._all(_message_key(message_id))

    async def by_transaction(self, transaction_id: str) -> Sequence[Handed]:
        return await self._all(_transaction_key(transaction_id))

    async def forget(self, account: str, before: float) -> None:
        # What leads to a message, its Message-ID and our transaction, stays: it tells of nobody any more.
        stored = await asyncio.to_thread(keys_of_values, self._path, begins(account))
        for key in {*stored, *self._fresh}:
            found = self._find(key)
            if isinstance(found, Handed) and found.account == account and found.at <= before:
                self._fresh.pop(key, None)
                self._rows.put(key, None)
        await self._rows.written()

    def close(self) -> None:
        """Write what was not written yet. Blocks."""
        self._rows.close()

    async def _all(self, key: str) -> Sequence[Handed]:
        found = [await self.by_queue_id(*part) for part in self._parts(key)]
        return [handed for handed in found if handed is not None]

    def _put_part(self, key: str, part: tuple[str, str], now: float) -> None:
        others = [other for other in self._others(key) if other != part]
        self._put(key, (*others[1 - MOST_PARTS :], part), now)

    def _others(self, key: str) -> Parts:
        """What cannot be read now is not worth to stop for."""
        try:
            return self._parts(key)
        except Temporary:
            return ()

    def _parts(self, key: str) -> Parts:
        found = self._find(key)
        return found if isinstance(found, tuple) else ()

    def _put(self, key: str, value: Handed | Parts, now: float) -> None:
        self._put_count += 1
        self._fresh[key] = value
        self._fresh.move_to_end(key)
        if len(self._fresh) > min(3 * FRESH, self._most_rows):
            self._fresh.popitem(last=False)
        self._rows.put(key, value, now)

    def _find(self, key: str) -> Handed | Parts | None:
        return self._fresh.get(key) or self._rows.get(key)


def _queue_key(server: str, queue_id: str) -> str:
    return json.dumps([server, queue_id])  # unlike a separator, no part can contain it


def _transaction_key(transaction_id: str) -> str:
    return f"transaction {transaction_id}"


def _message_key(message_id: str) -> str:
    """With and without its angle brackets. The sender chose it, so it may be long, and say who he is."""
    bare = message_id.strip().removeprefix("<").removesuffix(">")
    return "message " + blake2b(bare.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()
