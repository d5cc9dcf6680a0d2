"""The relay's way with a transaction (`relay/assess.py`) without its sockets: events in, outcomes out.

A transaction comes in with the answers that the next hop would give to each recipient; the engine believes only those
for recipients that it lets through, as the relay would know no others.
"""

from collections import Counter
from dataclasses import dataclass, replace

from detector.mail.stream import classify
from detector.mail.transaction import Recipient, RecipientStatus, Transaction
from detector.replay.events import Report
from detector.replay.profiles import Profiles
from detector.traffic.profile import Profile
from detector.verdict.admit import admit, settle
from detector.verdict.judge import judge
from detector.verdict.policy import Policy
from detector.verdict.verdict import Action, Verdict


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the relay would have done. `verdict` is None where nothing was judged: no account, or one already blocked.

    `transaction` has the recipients as they ended; `paced` counts those for whom the window had no room.
    """

    transaction: Transaction
    verdict: Verdict | None
    stopped: bool = False
    incident: bool = False
    paced: int = 0


class Engine:
    """Knows the accounts of one replay. Time is that of the transactions.

    `observe` as in the relay: everything passes, and the outcome says what would have been done.
    """

    def __init__(self, policy: Policy, profiles: Profiles, observe: bool = False) -> None:
        self._policy = policy
        self._profiles = profiles
        self._observe = observe
        self._blocked: set[str] = set()
        self.heard: Counter[str] = Counter()

    def hear(self, report: Report) -> None:
        """Take in what is no transaction. The ledger has no use for it yet: it is counted."""
        self.heard[type(report).__name__.lower()] += 1

    def transact(self, transaction: Transaction) -> Outcome:
        """Decide on a transaction at its `received_at`, and learn from it."""
        account = transaction.identity.account
        if not transaction.identity.known:
            return Outcome(transaction, None)
        if account in self._blocked and not self._observe:
            return Outcome(transaction, None, stopped=True)
        profile, recipients, paced = self._admit(self._profiles.get(account), transaction)
        return self._decide(profile, _as_seen(transaction, recipients), paced)

    def _admit(self, profile: Profile, transaction: Transaction) -> tuple[Profile, tuple[Recipient, ...], int]:
        recipients, paced = [], 0
        for recipient in transaction.recipients:
            profile, admitted = admit(profile, recipient.address, transaction.received_at, self._policy)
            paced += not admitted
            if admitted or self._observe:
                recipients.append(recipient)
            else:
                recipients.append(Recipient(recipient.address, RecipientStatus.PACED))
        return profile, tuple(recipients), paced

    def _decide(self, profile: Profile, transaction: Transaction, paced: int) -> Outcome:
        account, now = transaction.identity.account, transaction.received_at
        profile, verdict = judge(profile, transaction, now, self._policy)
        if paced and verdict.action is Action.ACCEPT:
            verdict = replace(verdict, action=Action.PACE)
        convicted = verdict.action is Action.BLOCK
        stopped = convicted and not self._observe
        delivered = not stopped and _any_accepted(transaction.recipients)
        self._profiles.put(account, settle(profile, transaction, delivered, now, self._policy))
        incident = convicted and account not in self._blocked
        if incident:
            self._blocked.add(account)
        return Outcome(transaction, verdict, stopped, incident, paced)


def _as_seen(transaction: Transaction, recipients: tuple[Recipient, ...]) -> Transaction:
    """Where no recipient was accepted, DATA is refused and the header section never seen."""
    seen = _any_accepted(recipients)
    stream = transaction.stream if seen else classify(transaction.mail_from, b"")
    return replace(transaction, recipients=recipients, stream=stream, size_bytes=transaction.size_bytes if seen else 0)


def _any_accepted(recipients: tuple[Recipient, ...]) -> bool:
    return any(recipient.status is RecipientStatus.ACCEPTED for recipient in recipients)
