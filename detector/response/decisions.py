"""What people decided, typed anywhere, reaches profiles and the book: evidence is forgiven before a block is lifted."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import blake2b

from detector import log
from detector.ports import Claims, ProfileStore, Temporary
from detector.records.entries import Erasure, Forgiveness
from detector.records.records import Records
from detector.response.desk import Desk
from detector.tasks import called
from detector.traffic.profile import Profile, forgive, known_before, release

FORGET_AGAIN = 30.0
"""Seconds until it is tried again: with a shared state it means to look through all that is there."""


@dataclass(slots=True)
class Decisions:
    """`start` before the first mail, then `look` about once a second.

    `taken_over` is called in a thread after each change of the records, ours or another's. `forget_answers` takes an
    account and a time: answers of before must not come into a profile that is erased. `forget_mail` takes as many of
    them as there are, and forgets whose the mail was that is still being delivered; `keep_forgetting` calls it.
    `claims` are there where hosts share profiles.
    """

    records: Records
    desk: Desk
    profiles: ProfileStore
    taken_over: Callable[[], None]
    forget_answers: Callable[[str, float], None] = lambda _account, _before: None
    forget_mail: Callable[[Mapping[str, float]], Awaitable[None]] | None = None
    claims: Claims | None = None
    forgiven: int = field(default=0, init=False)
    """All forgiveness up to this sequence has reached the profiles: who is behind it may lift blocks."""
    _behind: bool = field(default=False, init=False)
    _token: object = field(default=None, init=False)
    _erased: int = field(default=0, init=False)
    _ordered: dict[str, float] = field(default_factory=dict, init=False)
    _order: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    async def start(self) -> None:
        """Learn what was decided while we were not running, and who is blocked. Raises `Temporary`.

        A disk that does not let us erase keeps no server from its start: `look` erases later.
        """
        if await self._away():
            await self._put_off()
        else:
            await self._make_up_forgiveness()
            try:
                await self._make_up_erasures()
            except Temporary as error:
                await self._put_off()
                self.desk.degraded("keep_in_step", error)
        await self._take_over()

    async def _make_up(self) -> None:
        """What was decided, and is not done yet."""
        await self._make_up_forgiveness()
        await self._make_up_erasures()
        self._behind = False

    async def _make_up_forgiveness(self) -> None:
        """For accounts that have sent nothing since."""
        for forgiven in await asyncio.to_thread(self.records.forgiven_since, 0):
            if (await self.profiles.read(forgiven.account)).counters.updated_at <= forgiven.at:
                await self._forgive(forgiven)
            self.forgiven = max(self.forgiven, forgiven.sequence)

    async def _make_up_erasures(self) -> None:
        for erasure in await asyncio.to_thread(self.records.erasures_since, 0):
            await self._forget(erasure)
            if known_before(await self.profiles.read(erasure.account), erasure.at):
                await self._erase(erasure)
            self._erased = max(self._erased, erasure.sequence)

    async def _put_off(self) -> None:
        """Until the profiles that hosts share are in reach: whether an account has sent since cannot be told now."""
        self.forgiven = max(
            [one.sequence for one in await asyncio.to_thread(self.records.forgiven_since, 0)], default=0
        )
        self._erased = max([one.sequence for one in await asyncio.to_thread(self.records.erasures_since, 0)], default=0)
        self._behind = True

    async def _away(self) -> bool:
        try:
            return self.claims is not None and await self.claims.taken(b"")
        except Temporary:
            return True

    async def look(self) -> None:
        """Write what is not written, take over what has changed. Problems are shown, and the next call tries again."""
        try:
            await self.desk.write()
            token = await asyncio.to_thread(self.records.change_token)
            if token != self._token:
                await self._take_over()
                self._token = token
            if self._behind and not await self._away():
                await self._make_up()
        except Temporary as error:
            self.desk.degraded("keep_in_step", error)
        else:
            self.desk.in_order()

    async def _take_over(self) -> None:
        await self.desk.take_over(self._settle)
        await asyncio.to_thread(self.taken_over)

    async def _settle(self) -> bool:
        """Mail that passes as soon as a block is lifted must not meet the old evidence."""
        for forgiven in await asyncio.to_thread(self.records.forgiven_since, self.forgiven):
            await self._unless_done(self._forgive(forgiven), f"forgiven {forgiven.account} {forgiven.at}")
            self.forgiven = forgiven.sequence
        for erasure in await asyncio.to_thread(self.records.erasures_since, self._erased):
            try:
                await self._forget(erasure)
                await self._unless_done(self._erase(erasure), f"erased {erasure.account} {erasure.at}")
            except Temporary:  # `look` tries it again; who is blocked must not wait for that
                self._behind = True
            self._erased = erasure.sequence
        return True

    async def _unless_done(self, work: Coroutine[None, None, None], what: str) -> None:
        """Where hosts share profiles one does it: by another, minutes late, what was seen since would be lost."""
        name = claim_of(what)
        if self.claims is None:
            await work
            return
        try:
            done = await self.claims.taken(name)
        except Temporary:
            done, self._behind = False, True  # it is done here only, and perhaps given up
        if done:
            work.close()
            return
        await work
        with suppress(Temporary):
            await self.claims.claim(name)

    async def _forgive(self, forgiven: Forgiveness) -> None:
        back = release if forgiven.probation else forgive
        await self.profiles.update(forgiven.account, lambda profile: (back(profile, forgiven.at), None))

    async def keep_forgetting(self) -> None:
        """Beside everything else, for all that is in the shared state is looked through: until it is cancelled."""
        while True:
            await called(self._order, FORGET_AGAIN)
            try:
                await self.forget_ordered()
            except Exception as error:  # a fault here must not leave whose mail it was for ever
                log.internal_error("forget", error)

    async def forget_ordered(self) -> None:
        """Whose the mail was of all accounts that wait for it. What goes wrong is shown, and they wait on."""
        orders, self._ordered = self._ordered, {}
        if self.forget_mail is None or not orders:
            return
        try:
            await self.forget_mail(orders)
        except BaseException as error:
            self._ordered = orders | self._ordered
            if not isinstance(error, Temporary):
                raise
            self.desk.degraded("forget", error)

    async def _forget(self, erasure: Erasure) -> None:
        """What this host remembers beside the profile."""
        await asyncio.to_thread(self.forget_answers, erasure.account, erasure.at)
        self._ordered[erasure.account] = max(erasure.at, self._ordered.get(erasure.account, 0.0))
        self._order.set()

    async def _erase(self, erasure: Erasure) -> None:
        await self.profiles.update(erasure.account, lambda _: (Profile(), None))


def claim_of(what: str) -> bytes:
    """Under which it is claimed: whoever is forgotten is not named there for another month."""
    return blake2b(what.encode("utf-8", "surrogateescape"), digest_size=16).digest()
