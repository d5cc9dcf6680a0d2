"""Account profiles: those in use in memory, all of them on disk."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from msgspec.structs import replace

from detector.metrics import Metrics
from detector.ports import Refused
from detector.state.reads import PATIENCE
from detector.state.shelf import Shelf
from detector.state.table import stored_keys, stored_rows, stored_value
from detector.state.write_behind import Form, WriteBehind
from detector.traffic.packing import pack, unpack
from detector.traffic.profile import Profile

T = TypeVar("T")

EMPTY = Profile()
MOST = 2**31
"""Profiles on disk: as many as there are accounts."""


class Rows(WriteBehind[Profile]):
    """Each account's first message of the day asks for a row."""

    glances = True


class MemoryProfiles:
    """The `ProfileStore` of one process and one event loop.

    A profile is read from disk when its account is first used. At most `accounts` profiles are in memory: the one that
    was not used for longest leaves first. Places of mail on its way are in memory only (`on_disk`).
    """

    def __init__(
        self, path: Path, write_every: float, accounts: int, metrics: Metrics, *, patience: float = PATIENCE
    ) -> None:
        """See `WriteBehind` for `patience`."""
        degraded = metrics.state_degraded.labels("profiles")
        self._rows = Rows(path, Form(on_disk, unpack), write_every, accounts, degraded, patience=patience)
        self._in_use = Shelf(Form(pack, unpack), accounts)
        self._removed_count = 0
        metrics.profiles.set_function(lambda: len(self._in_use))

    async def update(self, account: str, function: Callable[[Profile], tuple[Profile, T]]) -> T:
        before = self._in_use.get(account) or await self._recall(account)
        # No `await` from here on: nothing else runs between reading and writing a profile.
        after, answer = function(before)
        if after is before:
            return answer
        if after == EMPTY:  # as if it was never seen: nothing of it is kept
            self._removed_count += 1
            self._in_use.remove(account)
            self._rows.put(account, None)
        else:
            self._in_use.put(account, after)
            self._rows.put(account, after, after.counters.updated_at)
        return answer

    async def read(self, account: str) -> Profile:
        return self._in_use.get(account) or await self._recall(account)

    async def forget_idle(self, before: float) -> None:
        self._rows.forget(before, MOST)

    async def accounts(self) -> Sequence[str]:
        return sorted(await asyncio.to_thread(self._rows.keys))

    def close(self) -> None:
        """Write what was not written yet. Blocks."""
        self._rows.close()

    async def _recall(self, account: str) -> Profile:
        while True:
            removed_count = self._removed_count
            stored = await self._rows.find(account)
            if stored is None or removed_count == self._removed_count:  # else it may be what was removed meanwhile
                break
        profile = self._in_use.get(account)  # somebody may have changed it while we looked
        if profile is None:
            if stored is None:
                return EMPTY
            profile = stored
            self._in_use.put(account, profile)
        return profile


def on_disk(profile: Profile) -> bytes:
    """Without the places of mail on its way: if this process is killed, nobody gives them back."""
    window = profile.window
    return pack(replace(profile, window=replace(window, reserved=())) if window.reserved else profile)


def read_profile(path: Path, account: str) -> Profile | None:
    """A profile as it stands on disk, also while a server runs. Raises `Temporary`, or `Refused` for a damaged row."""
    packed = stored_value(path, account)
    if packed is None:
        return None
    try:
        return unpack(packed)
    except ValueError as error:
        msg = f"the profile of {account} is damaged: {error}"
        raise Refused(msg) from error


def read_profiles(path: Path) -> Iterator[tuple[str, Profile]]:
    """All accounts on disk, also while a server runs; a damaged profile comes as an empty one. Raises `Temporary`."""
    for account, packed in stored_rows(path):
        profile = Profile()
        with suppress(ValueError):
            profile = unpack(packed)
        yield account, profile


def list_accounts(path: Path) -> list[str]:
    """All accounts on disk, also while a server runs, sorted. Raises `Temporary`."""
    return sorted(stored_keys(path))
