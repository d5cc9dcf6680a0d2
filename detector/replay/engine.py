"""The relay's way with a transaction (`relay/assess.py`) without its sockets: events in, outcomes out.

A transaction comes in with the answers that the next hop would give to each recipient; the engine believes only those
for recipients that it lets through, as the relay would know no others.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable
from functools import partial

import msgspec
from msgspec import Struct

from detector.content.reader import Reader
from detector.mail.address import Address
from detector.mail.content import Content
from detector.mail.stream import classify
from detector.mail.transaction import ACCEPTED, PACED, Recipient, Stream, Transaction
from detector.mail.written import NOTHING, Written
from detector.replay.campaigns import Campaigns
from detector.replay.events import Complaint, Delivery, Inbound, Report
from detector.replay.profiles import Profiles
from detector.replay.spool import Spool
from detector.traffic.campaign import keys_of
from detector.traffic.counting import as_believed, complainer, is_known
from detector.traffic.profile import Profile
from detector.verdict.admit import admit, settle
from detector.verdict.campaign import suspicious
from detector.verdict.hold import PROBATION, held
from detector.verdict.judge import judge, text_speaks
from detector.verdict.learn import Told, learn_complaint, learn_correspondent, learn_result, result_of
from detector.verdict.policy import Policy
from detector.verdict.release import LOOK_AGAIN, Leave, Waiting, leave
from detector.verdict.verdict import Action, Verdict

LOOKS_FOR = 3600.0  # seconds after a hold, in which each probation may bring a probe
MOST_AWAITED = 50_000  # messages whose results may still come


class Outcome(Struct, frozen=True):
    """What the relay would have done. `verdict` is None where nothing was judged: no account, or one already blocked.

    `transaction` has the recipients as they ended; `paced` counts those for whom the window had no room. `stopped`:
    refused for good; `held`: it waits, `Engine.released` tells when it goes.
    """

    transaction: Transaction
    verdict: Verdict | None
    stopped: bool = False
    incident: bool = False
    paced: int = 0
    held: bool = False


class _Passed(Struct, frozen=True):
    """A message whose recipients' results are awaited, with those to whom it was the first."""

    account: str
    stream: Stream
    reached: frozenset[str]
    first_time: frozenset[str]
    told: set[str]


class Engine:
    """Knows the accounts of one replay. Time is that of the events.

    `observe` as in the relay: everything passes, and the outcome says what would have been done. Without a `reader`
    contents say nothing.
    """

    def __init__(self, policy: Policy, profiles: Profiles, reader: Reader | None = None, observe: bool = False) -> None:
        self._policy = policy
        self._profiles = profiles
        self._reader = reader
        self._observe = observe
        self._blocked: set[str] = set()
        self._spool = Spool()
        self._campaigns = Campaigns(policy.recipient_key)
        self._awaited: OrderedDict[str, _Passed] = OrderedDict()
        self._unlearned: Callable[[], None] | None = None
        self.heard: Counter[str] = Counter()

    # -- what is no transaction --

    def hear(self, report: Report) -> None:
        """Take in results, complaints and mail that arrived."""
        self.heard[type(report).__name__.lower()] += 1
        if isinstance(report, Delivery):
            self._result(report)
        elif isinstance(report, Complaint):
            self._complaint(report)
        elif isinstance(report, Inbound):
            account = report.account.lower()
            profile = self._profiles.get(account)
            self._profiles.put(account, learn_correspondent(profile, Address.parse(report.mail_from), self._policy))

    def _result(self, report: Delivery) -> None:
        passed, result = self._awaited.get(report.id), result_of(report.status)
        address = Address.parse(report.rcpt).key
        if passed is None or result is None or address in passed.told or address not in passed.reached:
            return
        passed.told.add(address)
        profile = self._profiles.get(passed.account)
        first_time = address in passed.first_time
        after = learn_result(profile, Told(passed.stream, result, first_time), report.time, self._policy)
        self._profiles.put(passed.account, after)
        self._spool.look_at(passed.account, report.time)

    def _complaint(self, report: Complaint) -> None:
        passed = self._awaited.get(report.id)
        address = Address.parse(report.rcpt).key
        mark = f"complaint {address}"
        if passed is None or mark in passed.told or address not in passed.reached:
            return
        passed.told.add(mark)
        profile = self._profiles.get(passed.account)
        recipient = complainer(Address.parse(report.rcpt), self._policy.recipient_key)
        self._profiles.put(passed.account, learn_complaint(profile, passed.stream, report.time, recipient))

    def released(self, now: float) -> Iterable[str]:
        """The held messages, by transaction id, that may go now; each is told once."""
        for account in self._spool.due(now):
            while (message := self._spool.first(account)) is not None:
                if account in self._blocked:
                    break
                profile, transaction = self._profiles.get(account), message.transaction
                addresses = [recipient.address for recipient in transaction.recipients]
                waiting = Waiting(transaction.received_at, message.held, addresses)
                profile, decided = leave(profile, waiting, now, self._policy)
                if decided is Leave.NO_ROOM:
                    self._spool.look_at(account, now + LOOK_AGAIN)
                elif decided is Leave.WAITS and now - profile.held_since < LOOKS_FOR:
                    self._spool.look_at(account, now + PROBATION)
                if decided is not Leave.GOES:
                    break
                self._spool.take(account)
                self._pass(profile, transaction, now)
                yield transaction.transaction_id

    # -- transactions --

    def transact(self, transaction: Transaction, message: Written = NOTHING) -> Outcome:
        """Decide on a transaction at its `received_at`, and learn from it. `NOTHING`: what was written is not known."""
        outcome = self.decide(transaction, message)
        self.learn()
        return outcome

    def decide(self, transaction: Transaction, message: Written = NOTHING) -> Outcome:
        """The same for who wants to answer first. Call `learn` before anything else."""
        account = transaction.identity.account
        if not transaction.identity.known:
            return Outcome(transaction, None)
        if account in self._blocked and not self._observe:
            return Outcome(transaction, None, stopped=True)
        profile, recipients, paced = self._admit(self._profiles.get(account), transaction)
        seen = self._as_seen(transaction, recipients, message)
        outcome = self._decide(profile, seen, paced)
        if outcome.held and outcome.verdict is not None:  # as a whole, with those for whom there was no room
            waiting = seen.read(transaction.recipients, seen.content)
            self._spool.put(account, waiting, held(outcome.verdict.groups, seen.stream, seen.content))
            self._spool.look_at(account, self._profiles.get(account).held_since + PROBATION)
        return outcome

    def learn(self) -> None:
        """What the last transaction teaches, once it is decided on and did not have to wait."""
        if self._unlearned is not None:
            self._unlearned()
            self._unlearned = None

    def _admit(self, profile: Profile, transaction: Transaction) -> tuple[Profile, tuple[Recipient, ...], int]:
        recipients, paced = [], 0
        for recipient in transaction.recipients:
            profile, admitted = admit(profile, recipient.address, transaction.received_at, self._policy)
            paced += not admitted
            if admitted or self._observe:
                recipients.append(recipient)
            else:
                recipients.append(Recipient(recipient.address, PACED))
        return profile, tuple(recipients), paced

    def _as_seen(self, transaction: Transaction, recipients: tuple[Recipient, ...], message: Written) -> Transaction:
        """Where no recipient was accepted, DATA is refused and the message never seen."""
        if not _any_accepted(recipients):
            stream = classify(transaction.mail_from, NOTHING.header)
            return msgspec.structs.replace(transaction, recipients=recipients, stream=stream, size_bytes=0)
        return transaction.read(recipients, self._read(transaction, message))

    def _read(self, transaction: Transaction, message: Written) -> Content | None:
        if self._reader is None or not message.size_bytes:
            return None
        content = self._reader.read(message)
        account, now = transaction.identity.account, transaction.received_at
        others = self._campaigns.suspicious_others(keys_of(content), account, now)
        return msgspec.structs.replace(content, accomplices=others) if others else content

    def _learn(self, transaction: Transaction, verdict: Verdict) -> None:
        """What this message teaches about the mail of all accounts."""
        content, account = transaction.content, transaction.identity.account
        if content is None or self._reader is None:
            return
        self._campaigns.notice(keys_of(content), account, suspicious(verdict), transaction.received_at)
        if verdict.score < self._policy.hold_score and not text_speaks(verdict.groups):
            self._reader.learn(content, account)

    def _decide(self, profile: Profile, transaction: Transaction, paced: int) -> Outcome:
        account, now = transaction.identity.account, transaction.received_at
        profile, verdict = judge(profile, transaction, now, self._policy)
        if paced and verdict.action is Action.ACCEPT:
            verdict = msgspec.structs.replace(verdict, action=Action.PACE)
        convicted = verdict.action is Action.BLOCK
        stopped = convicted and not self._observe
        waits = verdict.action is Action.HOLD and not self._observe and _any_accepted(transaction.recipients)
        if stopped or waits:
            self._learn(transaction, verdict)
            self._profiles.put(account, settle(profile, transaction, delivered=False, now=now, policy=self._policy))
        else:
            self._unlearned = partial(self._learn_passed, profile, transaction, verdict)
        incident = convicted and account not in self._blocked
        if incident:
            self._blocked.add(account)
        return Outcome(transaction, verdict, stopped, incident, paced, waits)

    def _learn_passed(self, profile: Profile, transaction: Transaction, verdict: Verdict) -> None:
        self._learn(transaction, verdict)
        self._pass(profile, transaction, transaction.received_at)

    def _pass(self, profile: Profile, transaction: Transaction, now: float) -> None:
        account = transaction.identity.account
        transaction = as_believed(profile, transaction, now, self._policy.recipient_key)
        accepted = [one.address for one in transaction.recipients if one.status is ACCEPTED]
        if accepted:
            first_time = frozenset(
                address.key for address in accepted if not is_known(profile, address, self._policy.recipient_key)
            )
            self._awaited[transaction.transaction_id] = _Passed(
                account, transaction.stream, frozenset(address.key for address in accepted), first_time, set()
            )
            if len(self._awaited) > MOST_AWAITED:
                self._awaited.popitem(last=False)
        self._profiles.put(account, settle(profile, transaction, bool(accepted), now, self._policy))


def _any_accepted(recipients: tuple[Recipient, ...]) -> bool:
    return any(recipient.status is ACCEPTED for recipient in recipients)
