"""The main path, on one page: who is it, may this recipient pass, what do we think of the message, what came of it.

    MAIL  -> begin   identity, and is the account blocked?
    RCPT  -> admit   is there room in the recipient window?
    DATA  -> decide  read and judge; a hijacked account is stopped here, a doubtful message waits (`draft.waits`)
             settle  the next hop's answer goes into the account's profile (`settler`)
    RSET, lost connection -> abandon

The first three answer with a reply of our own, or None: pass it on. A fault of ours is not the customer's: what
happens then is `when_broken`.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from msgspec.structs import replace

from detector.config import Config
from detector.mail.address import Address
from detector.mail.headers import Header
from detector.mail.reply import Reply
from detector.mail.stream import classify, message_key, sample_of
from detector.mail.transaction import ACCEPTED, Recipient, RecipientStatus, Transaction
from detector.metrics import Metrics
from detector.ports import Clock, Desk, IdentitySource, ProfileStore, Temporary
from detector.relay import replies
from detector.relay.body import Body
from detector.relay.contents import Contents
from detector.relay.draft import Draft
from detector.relay.gate import Gate
from detector.relay.hosts import same_host_key
from detector.relay.identity import identify
from detector.relay.outcome import ABORTED, tell_fault
from detector.relay.settler import Settler
from detector.relay.time_left import TimeLeft
from detector.relay.together import Together
from detector.traffic.profile import Profile
from detector.verdict.admit import admit, admit_message
from detector.verdict.campaign import suspicious
from detector.verdict.judge import judge
from detector.verdict.policy import Policy
from detector.verdict.verdict import Action, Verdict


@dataclass(frozen=True, slots=True)
class Assessor:
    """Knows everybody who has a say. Replaced as a whole when the configuration is reloaded."""

    config: Config
    sources: tuple[IdentitySource, ...]
    needs_header: bool
    profiles: ProfileStore
    gate: Gate
    desk: Desk
    policy: Policy
    contents: Contents
    settler: Settler
    metrics: Metrics
    clock: Clock
    stopwatch: Clock
    _together: Together = field(init=False, default_factory=Together)

    async def begin(self, draft: Draft) -> Reply | None:
        try:
            draft.identity = await draft.time_left.wait(identify(self.sources, draft.facts))
            draft.asked = True
            return None if not draft.identity.known and self.needs_header else self.gate.check(draft)
        except Exception as error:  # anything at all: mail must not depend on our being right
            return self._at_fault(error)

    async def admit(self, draft: Draft, address: Address) -> Reply | None:
        if not draft.identity.known and not self.needs_header:
            return None
        draft.time_left.renew()
        try:
            return await self._admit(draft, address)
        except Exception as error:  # as above
            return self._at_fault(error)

    async def decide(self, draft: Draft, section: bytes, body: Body) -> Reply | None:
        draft.time_left.renew()
        try:
            return await self._decide(draft, section, body)
        except Exception as error:  # as above; who is blocked is known without
            return self.gate.stopped(draft.identity) or self._at_fault(error)

    async def settle(self, draft: Draft, reply: Reply) -> None:
        """Tell the profile, the log and the metrics what became of a message. Raises nothing."""
        await self.settler.settle(draft, reply)

    async def abandon(self, draft: Draft) -> None:
        """A transaction without a message still tells something: whom it asked for, and who was refused."""
        if not draft.recipients or not draft.identity.known or draft.judged is not None:
            return
        draft.time_left.renew()
        try:
            await self._judge(draft, b"", None)
        except Exception as error:  # as above
            self._at_fault(error)
        else:
            await self.settler.settle_now(draft, ABORTED)

    # -- RCPT --

    async def _admit(self, draft: Draft, address: Address) -> Reply | None:
        if not draft.identity.known:
            # Postfix may have told us since MAIL.
            draft.identity = await draft.time_left.wait(identify(self.sources, draft.facts))
            if not draft.identity.known:
                return None
            self.metrics.identities.labels(draft.identity.source).inc()
        if (refusal := self.gate.stopped(draft.identity)) is not None:
            return refusal  # blocked since MAIL
        if await self._passes(draft, lambda profile, now: admit(profile, address, now, self.policy)):
            return None
        draft.recipients.append(Recipient(address, RecipientStatus.PACED))
        return self.gate.paced(1)

    async def _passes(self, draft: Draft, ask: Callable[[Profile, float], tuple[Profile, bool]]) -> bool:
        """Whether the window has room, or is not to stop anything."""
        account, now = draft.identity.account, self.clock()
        if self.settler.owes(account):
            await self.settler.catch_up()

        def asked(profile: Profile) -> tuple[Profile, tuple[bool, bool]]:
            profile, room = ask(profile, now)
            return profile, (room, room or self.gate.lets_through(account, profile, now))

        room, passes = await draft.time_left.wait(self.profiles.update(account, asked))
        draft.would_pace = draft.would_pace or not room
        return passes

    # -- DATA --

    async def _decide(self, draft: Draft, section: bytes, body: Body) -> Reply | None:
        refusal: Reply | None = None
        # By its header; or somebody did not answer at MAIL, and may do so now.
        if not draft.identity.known and (self.needs_header or not draft.asked):
            facts = replace(draft.facts, header=section or b"\r\n")
            draft.identity = await draft.time_left.wait(identify(self.sources, facts))
            refusal = self.gate.check(draft)
            if refusal is not None:
                return refusal
            refusal = await self._admit_message(draft) if draft.identity.known else None
        if not draft.identity.known:
            return None
        await self._together.gather()
        waits = await self._judge(draft, section, body)
        refusal = self.gate.stopped(draft.identity) or refusal
        draft.waits = waits and refusal is None
        return refusal

    async def _admit_message(self, draft: Draft) -> Reply | None:
        """The recipient window for an account that was not known before."""
        accepted = [one.address for one in draft.recipients if one.status is ACCEPTED]
        others = [one.address for one in draft.recipients if one.status is not ACCEPTED]
        if await self._passes(draft, lambda profile, now: admit_message(profile, accepted, others, now, self.policy)):
            return None
        draft.recipients = [
            replace(one, status=RecipientStatus.PACED) if one.status is ACCEPTED else one for one in draft.recipients
        ]
        return self.gate.paced(len(accepted))

    def _transaction(self, draft: Draft, header: Header, body: Body | None) -> Transaction:
        digest = b"" if body is None or draft.queue_id else sample_of(body.size_bytes, body.head)
        host = same_host_key(draft.facts.peer)
        return Transaction(
            transaction_id=draft.transaction_id,
            message_key=message_key(host, draft.queue_id, draft.message_id, str(draft.mail_from), digest),
            identity=draft.identity,
            client=draft.client,
            helo=draft.facts.xforward.get("HELO") or draft.arrival.helo,
            mail_from=draft.mail_from,
            recipients=tuple(draft.recipients),
            stream=classify(draft.mail_from, header),
            received_at=draft.received_at,
            size_bytes=0 if body is None else body.size_bytes,
        )

    async def _judge(self, draft: Draft, section: bytes, body: Body | None) -> bool:
        """Read and judge the transaction, and open an incident if need be; whether the message must wait."""
        started = self.stopwatch()
        header = Header.of_section(section)
        draft.message_id = header.message_id
        transaction = self._transaction(draft, header, body)
        if body is not None:
            transaction = await self.contents.read(transaction, header, body)
            await asyncio.sleep(0)  # those that are read in this turn are judged in the next one
            transaction = await self.contents.compare(transaction, draft.time_left)
        verdict, let_through = await self._verdict(transaction, draft.time_left)
        if suspicious(verdict):  # others may be sending the same at this moment
            with suppress(Temporary):
                await draft.time_left.wait(self.contents.learn(transaction, verdict, self.policy.hold_score))
        self.metrics.judged(self.stopwatch() - started, draft.transaction_id)
        if draft.would_pace and verdict.action is Action.ACCEPT:
            verdict = replace(verdict, action=Action.PACE)
        draft.judged = transaction, verdict
        if verdict.score >= self.policy.hold_score:
            self.desk.note(transaction, verdict)
        if verdict.action is Action.BLOCK and not let_through:
            with suppress(Temporary):  # the block is in force, and goes on being written
                await draft.time_left.wait(self.desk.open_incident(transaction, verdict))
        return verdict.action is Action.HOLD and not let_through

    async def _verdict(self, transaction: Transaction, time_left: TimeLeft) -> tuple[Verdict, bool]:
        """What the judge says, and whether nothing is stopped all the same."""
        if self.settler.behind:  # nobody is judged before all is known that was answered before
            await self.settler.catch_up()
        account, now = transaction.identity.account, self.clock()
        policy = self.policy.for_cohort(self.gate.cohort(account))

        def judged(profile: Profile) -> tuple[Profile, tuple[Verdict, bool]]:
            profile, verdict = judge(profile, transaction, now, policy)
            return profile, (verdict, self.gate.lets_through(account, profile, now))

        return await time_left.wait(self.profiles.update(account, judged))

    # -- faults --

    def _at_fault(self, error: Exception) -> Reply | None:
        tell_fault(self.metrics, error)
        return None if self.config.when_broken == "relay" else replies.LOCAL_ERROR
