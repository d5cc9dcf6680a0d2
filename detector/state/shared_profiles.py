"""Account profiles in a Valkey that several processes and hosts share, changed by compare-and-set.

Who changes a profile sends the new one together with the token of the one that it was made from; the server takes it if
that is still its own, and otherwise answers with what it has. The common case is one round trip: a profile and its
token are remembered from the last time.

While the server is away changes are made to what is remembered. When it is back they are stored, if nobody else has
changed the profile meanwhile; otherwise they are given up, since two counts of one account cannot be told apart. The
same tokens settle what was asked last before it went away, and may have been done or not.
"""

import asyncio
import random
from collections import OrderedDict
from collections.abc import Callable, Sequence
from itertools import islice
from typing import TypeVar

from detector import log
from detector.metrics import Metrics
from detector.state.shared_changes import Change, apply, presumed, tell, tried
from detector.state.shared_known import CHANGE, NOT_THERE, PREFIX, UNCHANGED, Known, account_of, key_of, known, sealed
from detector.state.shared_link import Away, Link
from detector.state.shared_reading import scan
from detector.traffic.profile import Profile

T = TypeVar("T")

MOST_ATTEMPTS = 100
"""To change a profile. Of all who try at the same time one succeeds each time, so more are a fault, not bad luck."""
PAUSE_AFTER = 4
PAUSE = 0.005
"""Seconds, at most, of the pause after every fourth attempt: whom chance has put in step gets out of it."""
SETTLE_TOGETHER = 50


class SharedProfiles:
    """The `ProfileStore` of many processes. At most `accounts` profiles are remembered; `keep` is in seconds.

    Changes of one account that come while one is under way go together: a process never contends with itself, and
    however many connections a thief opens, at most one change of each process is on the way.
    """

    def __init__(self, link: Link, keep: float, accounts: int, metrics: Metrics) -> None:
        self._link = link
        self._keep = max(1, int(keep * 1000))
        self._accounts = accounts
        self._metrics = metrics
        self._remembered: OrderedDict[str, Known] = OrderedDict()
        self._ahead: dict[str, None] = {}
        self._lines: dict[str, list[Change]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._patience = link.timeout / 2  # the rest is for campaigns
        self.attempts, self._silent = 0, False  # silent: somebody has waited in vain, and nothing was heard since
        link.when_back.append(self._settle)

    async def update(self, account: str, function: Callable[[Profile], tuple[Profile, T]]) -> T:
        """As the port says, but never `Temporary`.

        Who has waited for half of the timeout gets the answer that the remembered profile gives with all changes before
        his; the change itself is made as soon as it can be.
        """
        line = self._lines.get(account)
        if line is None and not self._link.up:
            return self._change_here(account, function)
        change = Change(function, asyncio.get_running_loop().create_future())
        if line is None:
            line = self._lines[account] = []
            self._begin(account)
        line.append(change)
        try:
            async with asyncio.timeout(0.0 if self._silent else self._patience):
                return await change.answer  # type: ignore[no-any-return]
        except TimeoutError:
            self._silent = True
            return presumed(change, line, self._last(account).profile)  # type: ignore[no-any-return]

    async def read(self, account: str) -> Profile:
        return await self.update(account, lambda profile: (profile, profile))

    async def forget_idle(self, before: float) -> None:
        """Nothing to do: what was not changed for `keep` seconds expires by itself."""

    async def accounts(self) -> Sequence[str]:
        """Raises `Away`."""
        found: set[str] = set()
        async for keys in scan(self._link.client(), PREFIX):
            found.update(map(account_of, keys))
        return sorted(found)

    async def close(self) -> None:
        """Wait until what was begun has come to its end."""
        await asyncio.gather(*self._tasks)

    # -- one account --

    def _begin(self, account: str) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(account))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, account: str) -> None:
        """Make the changes that wait, until none does."""
        line = self._lines[account]
        try:
            while line:
                await self._serve_those(account, line)
        except Away:
            for change in line:
                tell(change, *tried(self._change_here, account, change.function))
        finally:
            self._silent = False
            del self._lines[account]

    async def _serve_those(self, account: str, line: list[Change]) -> None:
        """Make all changes of a line in one. Raises `Away`: then none was made that anybody knows of."""
        now = self._remembered.get(account) or await self._fetch(account)
        for attempt in range(1, MOST_ATTEMPTS + 1):
            changes = line[:]
            profile, outcomes = apply(changes, now.profile)
            instead = await self._store(account, now, profile)
            if instead is None:
                del line[: len(changes)]
                for change, outcome in zip(changes, outcomes, strict=True):
                    tell(change, *outcome)
                return
            now = self._remember(account, instead)
            if attempt % PAUSE_AFTER == 0:
                await asyncio.sleep(PAUSE * random.random())  # noqa: S311 - who goes first is no secret
        msg = f"a profile could not be changed: others were faster {MOST_ATTEMPTS} times"
        raise Away(msg)

    async def _store(self, account: str, before: Known, profile: Profile) -> Known | None:
        """None: it is stored. Otherwise what the server has instead. Raises `Away`."""
        token, value = before.tokens, UNCHANGED
        if before.ahead or profile is not before.profile:
            token, value = sealed(profile)
        self.attempts += 1
        try:
            answer = await self._link.run(CHANGE, [key_of(account)], before.tokens, value, self._keep)
        except Away:
            if value is not UNCHANGED:
                self._remember(account, before.in_doubt(token))
            raise
        if answer == 1:
            self._remember(account, Known(profile, token))
            return None
        if not answer and before.tokens != NOT_THERE:  # somebody has removed it, or all that there was
            await self._link.confirm()
        return known(account, answer)

    async def _fetch(self, account: str) -> Known:
        """Raises `Away`."""
        return self._remember(account, known(account, await self._link.send("GET", key_of(account)) or b""))

    # -- what is remembered --

    def _last(self, account: str) -> Known:
        return self._remembered.get(account) or Known()

    def _remember(self, account: str, now: Known) -> Known:
        self._remembered[account] = now
        self._remembered.move_to_end(account)
        self._ahead.pop(account, None)
        if now.ahead:
            self._ahead[account] = None
        if len(self._remembered) > self._accounts:
            forgotten, _ = self._remembered.popitem(last=False)
            self._ahead.pop(forgotten, None)
        self._metrics.profiles.set(len(self._remembered))
        return now

    def _change_here(self, account: str, function: Callable[[Profile], tuple[Profile, T]]) -> T:
        before = self._last(account)
        profile, answer = function(before.profile)
        if profile is not before.profile:
            self._remember(account, before.changed(profile))
        return answer

    async def _settle(self) -> None:
        """Store what was changed while the server was away, as far as nobody else has changed it. Raises `Away`.

        A server that has lost everything is told all that we remember: the first process that remembers it counts.
        """
        if self._link.seal.emptied:
            for account, remembered in self._remembered.items():
                self._remembered[account] = Known(remembered.profile, NOT_THERE, ahead=True)
                self._ahead[account] = None
        stored = given_up = 0
        while accounts := list(islice(self._ahead, SETTLE_TOGETHER)):
            settled = await asyncio.gather(*map(self._settle_one, accounts))
            stored, given_up = stored + sum(settled), given_up + len(settled) - sum(settled)
        if stored or given_up:
            log.shared_profiles_settled(stored, given_up)

    async def _settle_one(self, account: str) -> bool:
        before, gone = self._remembered.get(account), self._ahead.pop(account, True)
        # A change has stored it since it was chosen, or it is forgotten here; or changes that wait will store it.
        if gone or before is None or account in self._lines:
            return True
        line = self._lines[account] = list[Change]()
        try:
            instead = await self._store(account, before, before.profile)
            if instead is not None:
                self._remember(account, instead)
        finally:
            if line:
                self._begin(account)
            else:
                del self._lines[account]
        return instead is None
