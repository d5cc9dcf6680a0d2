"""For whom the next hop took a message, where its results may come to another process than the message did."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from hashlib import blake2b
from itertools import groupby

from detector.mail.delivery import Handed, Receipt
from detector.ports import HandedOver
from detector.state.handed_over import MOST_PARTS, begins, is_of, pack, unpack
from detector.state.shared_link import TOGETHER, Away, Link
from detector.state.shared_reading import values
from detector.state.shared_words import Script, key_of_parts
from detector.state.table import octets
from detector.traffic.clock import latest

RECEIPT = b"detector:r"
WAY = b"detector:w"
"""From a transaction or a Message-ID to its receipts. Keys are short, for there are three to each message: what they
stand for is hashed, and with a prefix they just fit into 24 octets of the server's memory."""
HASH_OCTETS = 12
"""Of a key: among ten billion of them no two are the same by chance."""
MOST_UNTOLD = 10_000
"""Messages that only this host knows and that wait for the server to be back; all are in `local` anyway."""

ADD_PART = Script(
    f"""
    local known, parts = redis.call('GET', KEYS[1]) or '', ''
    for at = 1, #known, {HASH_OCTETS} do
        local part = known:sub(at, at + {HASH_OCTETS - 1})
        if part ~= ARGV[1] then parts = parts .. part end
    end
    parts = (parts .. ARGV[1]):sub(-{MOST_PARTS * HASH_OCTETS})
    redis.call('SET', KEYS[1], parts, 'PX', ARGV[2])
    return 1
    """
)
"""One more part, as the newest, and a time to live in milliseconds. A string takes half the memory of a list."""


class SharedHandedOver:
    """The `HandedOver` of many processes. Each message is forgotten after `remember_time` seconds.

    While the server is away messages go to `local`, where the processes of this host find them; it is told of them when
    it is back. Lookups look there, too, for what it does not know.
    """

    def __init__(self, link: Link, remember_time: float, local: HandedOver) -> None:
        self._link = link
        self._remember_time = remember_time
        self._keep = max(1, int(remember_time * 1000))
        self._local = local
        self._untold: OrderedDict[tuple[Receipt, Handed], None] = OrderedDict()
        self._forgotten: dict[str, float] = {}
        self._newest = 0.0
        link.when_back.append(self._catch_up)

    async def remember(self, receipt: Receipt, handed: Handed, now: float) -> None:
        self._newest = latest(self._newest, now)
        try:
            await self._tell(receipt, handed)
        except Away:
            self._untold[receipt, handed] = None
            if len(self._untold) > MOST_UNTOLD:
                self._untold.popitem(last=False)
            await self._local.remember(receipt, handed, now)

    async def by_queue_id(self, server: str, queue_id: str) -> Handed | None:
        try:
            found = self._read(await self._link.send("GET", RECEIPT + _receipt_hash(server, queue_id)))
        except Away:
            found = None
        return found or await self._local.by_queue_id(server, queue_id)

    async def by_queue_ids(self, receipts: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], Handed]:
        asked = list(receipts)
        there: dict[tuple[str, str], Handed] = {}
        with suppress(Away):
            for start in range(0, len(asked), TOGETHER):  # mail has its turn in between
                some = asked[start : start + TOGETHER]
                packed = await asyncio.gather(*[self._link.send("GET", RECEIPT + _receipt_hash(*one)) for one in some])
                read = zip(some, map(self._read, packed), strict=True)
                there |= {one: handed for one, handed in read if handed is not None}
        return {**await self._local.by_queue_ids([one for one in asked if one not in there]), **there}

    async def by_message_id(self, message_id: str) -> Sequence[Handed]:
        return await self._all(_message_key(message_id)) or await self._local.by_message_id(message_id)

    async def by_transaction(self, transaction_id: str) -> Sequence[Handed]:
        return await self._all(_transaction_key(transaction_id)) or await self._local.by_transaction(transaction_id)

    async def forget(self, accounts: Mapping[str, float]) -> None:
        """It takes its time where there are many messages. While the server is away only this host forgets."""
        # As in `MemoryHandedOver`: what leads to a message stays, and tells of nobody any more.
        self._forgotten.update(accounts)
        for receipt, handed in [one for one in self._untold if is_of(one[1], accounts)]:
            del self._untold[receipt, handed]
        await self._local.forget(accounts)
        may_begin = _beginnings(accounts)
        async for batch in values(self._link.client(), RECEIPT):
            for key, packed in batch:
                handed_over = _unpacked(packed) if may_begin(packed) else None
                if handed_over is not None and is_of(handed_over, accounts):
                    await self._link.send("DEL", key)
        self._forgotten = {one: at for one, at in self._forgotten.items() if accounts.get(one) != at}

    async def _all(self, key: bytes) -> Sequence[Handed]:
        try:
            known = await self._link.send("GET", key) or b""
            parts = [known[at : at + HASH_OCTETS] for at in range(0, len(known), HASH_OCTETS)]
            packed = await asyncio.gather(*[self._link.send("GET", RECEIPT + part) for part in parts])
        except Away:
            return []
        return [handed for one in packed if (handed := self._read(one)) is not None]

    async def _tell(self, receipt: Receipt, handed: Handed) -> None:
        # As in `MemoryHandedOver`: a server that tells no queue id leaves the Message-ID to know it by.
        queue_id = receipt.queue_id or f"transaction {handed.transaction_id}"
        part = _receipt_hash(receipt.server, queue_id)
        lists = [_transaction_key(handed.transaction_id)]
        if receipt.message_id:
            lists.append(_message_key(receipt.message_id))
        told = [self._link.run(ADD_PART, [key], part, self._keep) for key in lists]
        await asyncio.gather(self._link.send("SET", RECEIPT + part, pack(handed), "PX", self._keep), *told)

    async def _catch_up(self) -> None:
        """Raises `Away`."""
        while self._untold:
            receipt, handed = next(iter(self._untold))
            await self._tell(receipt, handed)
            self._untold.pop((receipt, handed), None)

    def _read(self, packed: bytes | None) -> Handed | None:
        handed = _unpacked(packed) if packed else None
        if handed is None or handed.at < self._newest - self._remember_time or is_of(handed, self._forgotten):
            return None
        return handed


def _unpacked(packed: bytes) -> Handed | None:
    try:
        return unpack(packed)
    except ValueError:  # of another version: as good as forgotten
        return None


def _beginnings(accounts: Iterable[str]) -> Callable[[bytes], bool]:
    """Whether a message may be of one of them, for less than it takes to unpack it."""
    ordered = sorted(map(begins, accounts), key=len)
    known = {length: set(some) for length, some in groupby(ordered, key=len)}
    return lambda packed: any(packed[:length] in some for length, some in known.items())


def _receipt_hash(server: str, queue_id: str) -> bytes:
    return _hash(b"receipt", key_of_parts(b"", server, queue_id))


def _transaction_key(transaction_id: str) -> bytes:
    return WAY + _hash(b"transaction", octets(transaction_id))


def _message_key(message_id: str) -> bytes:
    """With and without its angle brackets. The sender chose it, so it may be long, and say who he is."""
    return WAY + _hash(b"message", octets(message_id.strip().removeprefix("<").removesuffix(">")))


def _hash(kind: bytes, what: bytes) -> bytes:
    return blake2b(what, digest_size=HASH_OCTETS, person=kind).digest()
