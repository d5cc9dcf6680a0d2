"""Which login stands behind a message: what the policy service heard, until the message comes by SMTP."""

import json
from collections import OrderedDict
from dataclasses import astuple
from pathlib import Path

import msgspec

from detector.metrics import Metrics
from detector.ports import PolicyRequest
from detector.state.write_behind import Form, WriteBehind

FRESH = 10_000
"""Keys in memory: a message mostly comes within seconds; one that was deferred for days is looked up on disk."""


class Remembered(msgspec.Struct, frozen=True):
    """A request and when it came, in Unix seconds."""

    at: float
    request: PolicyRequest


def pack(remembered: Remembered) -> bytes:
    # json, not msgspec: a login may carry octets that are not UTF-8, as surrogate escapes
    return json.dumps([remembered.at, *astuple(remembered.request)]).encode("ascii")


def unpack(packed: bytes) -> Remembered:
    """Raises `ValueError` for anything that `pack` did not make."""
    at, *texts = msgspec.convert(json.loads(packed), tuple[float, str, str, str, str, str, str])
    return Remembered(at, PolicyRequest(*texts))


class MemoryJoins:
    """The `LoginJoin` of one process and one event loop: the newest in memory, all of them on disk.

    A request is forgotten after `remember_time` seconds, or when there are `remember_count` newer ones. Lookups raise
    `Temporary` when the disk cannot be read.
    """

    def __init__(
        self, path: Path, write_every: float, remember_time: float, remember_count: int, metrics: Metrics
    ) -> None:
        degraded = metrics.state_degraded.labels("joins")
        self._rows = WriteBehind(path, Form(pack, unpack), write_every, remember_count, degraded)
        self._remember_time = remember_time
        self._remember_count = remember_count
        self._fresh: OrderedDict[str, Remembered] = OrderedDict()
        self._newest = 0.0
        self._remembered = 0

    async def remember(self, request: PolicyRequest, now: float) -> None:
        """A newer request takes the place of an older one: Postfix uses queue ids and clients use ports again."""
        self._newest = max(self._newest, now)
        remembered = Remembered(now, request)
        if request.queue_id:
            self._put(_key("queue", request.host, request.queue_id), remembered)
        if request.client_port:
            self._put(_key("client", request.host, request.client_address, request.client_port), remembered)
        self._remembered += 1
        if self._remembered % max(1, self._remember_count // 100) == 0:
            self._rows.forget(now - self._remember_time, 2 * self._remember_count)  # two rows for a request

    async def by_queue_id(self, host: str, queue_id: str) -> PolicyRequest | None:
        return self._find(_key("queue", host, queue_id))

    async def by_client(self, host: str, client_address: str, client_port: str) -> PolicyRequest | None:
        return self._find(_key("client", host, client_address, client_port))

    def close(self) -> None:
        """Write what was not written yet. Blocks."""
        self._rows.close()

    def _put(self, key: str, remembered: Remembered) -> None:
        self._fresh[key] = remembered
        self._fresh.move_to_end(key)
        if len(self._fresh) > min(FRESH, 2 * self._remember_count):
            self._fresh.popitem(last=False)
        self._rows.put(key, remembered, remembered.at)

    def _find(self, key: str) -> PolicyRequest | None:
        remembered = self._fresh.get(key) or self._rows.get(key)
        if remembered is None or remembered.at < self._newest - self._remember_time:
            return None
        return remembered.request


def _key(*parts: str) -> str:
    return json.dumps(parts)  # unlike a separator, no part can contain it
