"""The highest scores of each account in a replay that only observes: from them `detector calibrate` sets thresholds."""

from dataclasses import dataclass

from detector.replay.engine import Outcome
from detector.replay.findings import MONTH
from detector.traffic.clock import DAY
from detector.verdict.explain import explain
from detector.verdict.judge import enough_speak
from detector.verdict.verdict import Verdict

WORTH_TELLING = 7.0  # nats; below, nobody asks why an account would have been blocked


@dataclass(frozen=True, slots=True)
class Peak:
    """A verdict by which an account could have been blocked, in words; `at` is in Unix seconds."""

    at: float
    score: float
    why: list[str]


@dataclass(frozen=True, slots=True)
class Watched:
    """What was seen of an account from its first mail to its last (Unix seconds).

    `highest` is its highest score in nats: it would be held from there on. `blockable` is its highest score at which
    enough groups of evidence spoke for a block, 0 if they never did, and `peak` says when and why, where that is known.
    In the first `unjudged` seconds no score was taken down: that time promises nothing.
    """

    account: str
    begins_at: float
    ends_at: float
    highest: float
    blockable: float
    peak: Peak | None = None
    unjudged: float = 0.0

    @property
    def months(self) -> float:
        """At least a day: who sends a single mail was there to send it."""
        return max(self.ends_at - self.begins_at - self.unjudged, DAY) / MONTH


@dataclass(slots=True)
class _Account:
    begins_at: float
    ends_at: float
    highest: float = 0.0
    blockable: float = 0.0
    peak: Peak | None = None


class Maxima:
    """Takes the outcomes of a replay in order of time. Memory grows with the accounts, not with their mail.

    The first `warm_up` seconds of the record are not counted: every account looks new then, and whom it always wrote to
    looks like a stranger. An account that comes up later is counted from its first mail on.
    """

    def __init__(self, warm_up: float) -> None:
        self._warm_up = warm_up
        self._accounts: dict[str, _Account] = {}
        self.begins_at: float | None = None
        self.ends_at = 0.0

    def add(self, outcome: Outcome) -> None:
        now, verdict = outcome.transaction.received_at, outcome.verdict
        if verdict is None:
            return
        if self.begins_at is None:
            self.begins_at = now
        self.ends_at = max(self.ends_at, now)
        if now < self.begins_at + self._warm_up:
            return
        account = self._accounts.setdefault(outcome.transaction.identity.account, _Account(now, now))
        account.ends_at = max(account.ends_at, now)
        account.highest = max(account.highest, verdict.score)
        if verdict.score > account.blockable and enough_speak(verdict.groups):
            account.blockable = verdict.score
            account.peak = _peak(now, verdict)

    def watched(self) -> list[Watched]:
        return [
            Watched(name, one.begins_at, one.ends_at, one.highest, one.blockable, one.peak)
            for name, one in self._accounts.items()
        ]


def _peak(now: float, verdict: Verdict) -> Peak | None:
    return Peak(now, verdict.score, explain(verdict)) if verdict.score >= WORTH_TELLING else None
