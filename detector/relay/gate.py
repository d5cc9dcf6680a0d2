"""Who may pass: what incidents and people decided about an account, and our own words for a no."""

from dataclasses import dataclass, field

from detector import log
from detector.config import Config
from detector.mail.reply import Reply
from detector.mail.transaction import Identity
from detector.metrics import Metrics
from detector.ports import Clock
from detector.records.book import Book
from detector.relay import replies
from detector.relay.draft import Draft
from detector.relay.seldom import Seldom
from detector.traffic.profile import Profile


@dataclass(frozen=True, slots=True)
class Gate:
    """Every no is counted by its reason."""

    config: Config
    book: Book
    metrics: Metrics
    clock: Clock
    _unknown_ones: Seldom = field(default_factory=Seldom)

    def check(self, draft: Draft) -> Reply | None:
        """What is known about the account before its mail is looked at."""
        self.metrics.identities.labels(draft.identity.source).inc()
        if not draft.identity.known:
            if times := self._unknown_ones.times_to_tell(self.clock()):
                log.identity_unknown(draft.transaction_id, draft.facts.peer, times)
            return self._unknown()
        return self.stopped(draft.identity)

    def stopped(self, identity: Identity) -> Reply | None:
        """The refusal, if the account is blocked and nobody said to let it through."""
        if not self.book.blocked(identity.account) or self.config.observe:
            return None
        if self.book.exempt(identity.account, self.clock()):
            return None
        self.metrics.reasons.labels("account_blocked").inc()
        # 5xx only where it reaches the thief himself, and only when nobody could be framed by it.
        permanent = self.config.mode == "before-queue" and identity.trusted
        return replies.ACCOUNT_SUSPENDED if permanent else replies.ACCOUNT_DEFERRED

    def lets_through(self, account: str, profile: Profile, now: float) -> bool:
        """Nothing is stopped: we observe, or a person exempted the account, and it keeps to what was declared for it.

        The profile counts the mail in question already, as far as it is known.
        """
        return self.config.observe or self.book.lets_through(account, profile, now)

    def cohort(self, account: str) -> str:
        """What a person assigned, empty where nobody did."""
        return self.book.cohort(account)

    def paced(self, recipients: int) -> Reply:
        """For recipients for whom the window has no room."""
        self.metrics.reasons.labels("recipient_window").inc()
        self.metrics.recipients.labels("paced").inc(recipients)
        return replies.RECIPIENT_PACED

    def _unknown(self) -> Reply | None:
        if self.config.observe or self.config.unknown_identity == "relay":
            return None
        self.metrics.reasons.labels("identity").inc()
        return replies.IDENTITY_DEFERRED if self.config.unknown_identity == "defer" else replies.IDENTITY_REFUSED
