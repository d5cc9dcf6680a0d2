"""Which login stands behind a message: what the policy service heard, until the message comes by SMTP."""

import json
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path

import msgspec

from detector.mail.login import PolicyRequest
from detector.metrics import Metrics
from detector.ports import Temporary
from detector.state.reads import PATIENCE
from detector.state.table import newest_rows
from detector.state.write_behind import Form, WriteBehind
from detector.traffic.clock import DAY, latest

FRESH = 10_000
"""Keys in memory: a message mostly comes within seconds; one that was deferred for days is looked up on disk."""


class Remembered(msgspec.Struct, frozen=True):
    """A request and when it came, in Unix seconds."""

    at: float
    request: PolicyRequest


def pack(remembered: Remembered) -> bytes:
    # json, not msgspec: a login may carry octets that are not UTF-8, as surrogate escapes
    return json.dumps([remembered.at, *msgspec.structs.astuple(remembered.request)]).encode("ascii")


def unpack(packed: bytes) -> Remembered:
    """Raises `ValueError` for anything that `pack` did not make."""
    at, *texts = msgspec.convert(json.loads(packed), tuple[float, str, str, str, str, str, str])
    return Remembered(at, PolicyRequest(*texts))


class MemoryJoins:
    """The `LoginJoin` of one process and one event loop: the newest in memory, all of them on disk.

    A request is forgotten after `remember_time` seconds, or when there are `remember_count` newer ones. Lookups raise
    `Temporary` when the disk cannot be read.
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
    ) -> None:
        """See `WriteBehind` for `patience`."""
        degraded = metrics.state_degraded.labels("joins")
        self._rows = WriteBehind(path, Form(pack, unpack), write_every, remember_count, degraded, patience=patience)
        self._remember_time = remember_time
        self._remember_count = remember_count
        self._fresh: OrderedDict[str, Remembered] = OrderedDict()
        # After a start the disk is busy, and what Postfix told the process before comes at once: it is known without.
        self._before: dict[str, bytes] = {}
        with suppress(Temporary):
            self._before = dict(newest_rows(path, min(FRESH, remember_count)))
        self._newest = 0.0
        self._remembered = 0

    whole = True

    async def remember(self, request: PolicyRequest, now: float) -> None:
        """Under the queue id, or else under the client. A newer request takes the place of an older one.

        Postfix uses queue ids and clients use ports again; the requests of mail without a login must come here too, or
        that mail would be laid at the door of whoever had the queue id or port before.
        """
        before, self._newest = self._newest, latest(self._newest, now)
        if not request.queue_id and not request.client_port:
            return
        self._put(_key(request), Remembered(now, request))
        self._remembered += 1
        # A clock that leaps says nothing about the age of what is remembered.
        if self._newest - before < DAY and self._remembered % max(1, self._remember_count // 100) == 0:
            self._rows.forget(now - self._remember_time, self._remember_count)
        # Postfix sends on as soon as it has our answer, and tries again for days: the login must outlive our process.
        if not self._rows.stuck:
            await self._rows.written()

    def keep(self, remembered: Remembered) -> None:
        """What others have heard; a newer request is not given up for it. Never waits."""
        key = _key(remembered.request)
        known = self._fresh.get(key)
        if known is None or known.at < remembered.at:
            self._put(key, remembered)

    def correct(self, remembered: Remembered) -> None:
        """As `keep`, where an older request is at hand: its queue id or port is used again. Never waits."""
        key = _key(remembered.request)
        if key in self._fresh or key in self._before:
            self.keep(remembered)

    async def by_queue_id(self, host: str, queue_id: str) -> PolicyRequest | None:
        return await self._find(_queue_key(host, queue_id))

    async def by_client(self, host: str, client_address: str, client_port: str) -> PolicyRequest | None:
        return await self._find(_client_key(host, client_address, client_port))

    def tidy(self, now: float) -> None:
        """Keep nothing longer than is promised, though nothing new comes."""
        self._rows.forget(now - self._remember_time, self._remember_count)

    def close(self) -> None:
        """Write what was not written yet. Blocks."""
        self._rows.close()

    def _put(self, key: str, remembered: Remembered) -> None:
        self._before.pop(key, None)
        self._fresh[key] = remembered
        self._fresh.move_to_end(key)
        if len(self._fresh) > min(FRESH, self._remember_count):
            self._fresh.popitem(last=False)
        self._rows.put(key, remembered, remembered.at)

    async def _find(self, key: str) -> PolicyRequest | None:
        remembered = self._fresh.get(key) or self._from_before(key) or await self._rows.find(key)
        if remembered is None or remembered.at < self._newest - self._remember_time:
            return None
        return remembered.request

    def _from_before(self, key: str) -> Remembered | None:
        try:
            return unpack(self._before[key]) if key in self._before else None
        except ValueError:  # told when it is looked for on disk
            return None


def _key(request: PolicyRequest) -> str:
    if request.queue_id:
        return _queue_key(request.host, request.queue_id)
    return _client_key(request.host, request.client_address, request.client_port)


def _queue_key(host: str, queue_id: str) -> str:
    return json.dumps([host, queue_id])  # unlike a separator, no part can contain it


def _client_key(host: str, client_address: str, client_port: str) -> str:
    return json.dumps([host, client_address, client_port])
