"""Campaigns where the accounts of one may send through several processes and hosts: sightings in a shared Valkey."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from detector.state.campaigns import pack, unpack
from detector.state.shared_link import Away, Link
from detector.state.shared_words import Script
from detector.traffic.campaign import FORGET, HOUR, Sightings, accomplices, hashed
from detector.traffic.sighted import Sighted

T = TypeVar("T")
_Change = tuple[bytes, bytes, int]

TAGS = (556, 640, 230, 116, 200, 670, 620, 536, 146, 996, 176, 506)
"""In a Cluster, keys are spread over so many hash tags, whose slots lie at even distances: as chance lays them, one of
three servers had half of the work. More would be more commands for each message, fewer would leave servers idle."""
LONELY = HOUR
"""Seconds for which a key is kept that one innocent account has used, as nearly all: it only excuses others later."""
MOST_READ = 10_000
"""Keys whose sightings are remembered from the question to the notice of the same message, a moment later."""
ATTEMPTS = 5
"""To notice. A key that so many others use at this moment will do without one more."""

NOTICE = Script(
    """
    local answers = {}
    for i = 1, #KEYS do
        local there = redis.call('GET', KEYS[i]) or ''
        if there == ARGV[3 * i - 2] then
            redis.call('SET', KEYS[i], ARGV[3 * i - 1], 'PX', ARGV[3 * i])
            answers[i] = 1
        else
            answers[i] = there
        end
    end
    return answers
    """
)
"""Of each key: what is expected there, what to put instead, a time to live in milliseconds. 1, or what is there."""


class SharedCampaigns:
    """The `CampaignStore` of many processes. `key` hashes the accounts.

    A question is one round trip, and so is a notice, unless another process has noticed the same key in between. While
    the server is away this process goes by what it sees itself; that is forgotten when the server is back.
    """

    def __init__(self, link: Link, key: bytes) -> None:
        self._link = link
        self._key = key
        self._here = Sighted()
        self._read: OrderedDict[int, bytes] = OrderedDict()
        self._patience = link.timeout / 4  # for a question and for a notice; profiles have the other half
        link.when_back.append(self._forget_here)

    async def suspicious_others(self, keys: Sequence[int], account: str, now: float) -> float:
        hashed_account = hashed(account, self._key)
        try:
            found = await self._within(self._ask(keys))
        except Away:
            return self._here.suspicious_others(keys, hashed_account, now)
        return accomplices(_distinct(found.values()).values(), hashed_account, now)

    async def notice(self, keys: Sequence[int], account: str, suspicious: bool, now: float) -> None:
        hashed_account = hashed(account, self._key)
        before = {key: self._read.pop(key, b"") for key in keys}
        try:
            await self._within(self._notice(before, hashed_account, suspicious, now))
        except Away:
            self._here.notice(keys, hashed_account, suspicious, now)

    async def _within(self, work: Awaitable[T]) -> T:
        """Raises `Away` when it takes too long."""
        try:
            async with asyncio.timeout(self._patience):
                return await work
        except TimeoutError as error:
            msg = f"no answer within {self._patience} s"
            raise Away(msg) from error

    async def _ask(self, keys: Sequence[int]) -> dict[int, bytes]:
        """What is there; nothing for most. Raises `Away`."""
        groups = self._groups(keys)
        questions = [self._link.send("MGET", *map(_name, group)) for group in groups]
        found: dict[int, bytes] = {}
        for group, values in zip(groups, await asyncio.gather(*questions), strict=True):
            found.update({key: bytes(value) for key, value in zip(group, values, strict=True) if value})
        self._read.update(found)
        while len(self._read) > MOST_READ:
            self._read.popitem(last=False)
        return found

    async def _notice(self, before: Mapping[int, bytes], account: int, suspicious: bool, now: float) -> None:
        """Raises `Away`."""
        for _ in range(ATTEMPTS):
            known = _distinct(before.values())
            after = {packed: one.notice(account, suspicious, now) for packed, one in known.items()}
            changes = {packed: _change(packed, one, now) for packed, one in after.items() if one is not known[packed]}
            groups = self._groups([key for key, packed in before.items() if packed in changes])
            told = [self._tell(group, [changes[before[key]] for key in group]) for group in groups]
            answers = await asyncio.gather(*told)
            before = {
                key: answer
                for group, group_answers in zip(groups, answers, strict=True)
                for key, answer in zip(group, group_answers, strict=True)
                if answer != 1
            }
            if not before:
                return

    def _tell(self, keys: Sequence[int], changes: Sequence[_Change]) -> Awaitable[Sequence[Any]]:
        words: list[bytes | int] = []
        for change in changes:
            words.extend(change)
        return self._link.run(NOTICE, [*map(_name, keys)], *words)

    def _groups(self, keys: Iterable[int]) -> list[list[int]]:
        """Those that may stand in one command."""
        if not self._link.clustered:
            return [list(keys)] if keys else []
        groups: dict[int, list[int]] = {}
        for key in keys:
            groups.setdefault(key % len(TAGS), []).append(key)
        return list(groups.values())

    async def _forget_here(self) -> None:
        self._here = Sighted()


def _name(key: int) -> bytes:
    return b"detector:c{%d}:%b" % (TAGS[key % len(TAGS)], key.to_bytes(8, "big"))


def _distinct(packed: Iterable[bytes]) -> dict[bytes, Sightings]:
    """Each once: the keys of a message mostly have the same sightings, and are worked out together."""
    return {one: _unpacked(one) for one in dict.fromkeys(packed)}


def _unpacked(packed: bytes) -> Sightings:
    try:
        return unpack(packed) if packed else Sightings()
    except ValueError:  # damaged, or of another version: it is written over
        return Sightings()


def _change(before: bytes, after: Sightings, now: float) -> _Change:
    keep = FORGET if after.suspects or after.accounts(now) > 1 else LONELY
    return before, pack(after), int(keep * 1000)
