"""What a replay has found: who would have been stopped or held, when, why, and what other thresholds would have done.

Meant for a replay that only observes: what comes after a stop went out in truth, and is what would have been saved.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import median

from detector.mail.transaction import RecipientStatus, Transaction
from detector.replay.engine import Outcome
from detector.traffic.clock import DAY, day_of
from detector.verdict.explain import explain
from detector.verdict.judge import enough_speak
from detector.verdict.verdict import Action, Verdict

HOUR = 3600.0
MONTH = 30 * DAY
HOURS_BEFORE, HOURS_AFTER = 48, 24
THRESHOLDS = tuple(float(nats) for nats in range(8, 17))
MOST_HOLDS = 10  # accounts that are named


@dataclass(slots=True)
class Stop:
    """Where an account would have been stopped. Recipients are those that the mail reached, `at` is in Unix seconds.

    `recipients_before` were reached in the 24 hours before, `recipients_after` from the stop to the end of the record.
    `hours` has the recipients of each hour with mail, from two days before to one day after.
    """

    account: str
    at: float
    score: float
    why: list[str]
    recipients_before: int
    hours: dict[int, int]
    recipients_after: int = 0


@dataclass(slots=True)
class Hold:
    """Mail of an account that would have waited: so many messages, the first of them `at` (Unix seconds), and why."""

    account: str
    at: float
    score: float
    why: list[str]
    messages: int = 0


@dataclass(frozen=True, slots=True)
class Cost:
    """What blocking from `threshold` nats on would have done; recipients as in `Stop.recipients_before`."""

    threshold: float
    accounts: int
    per_1000_account_months: float
    median_recipients_before: float


@dataclass(frozen=True, slots=True)
class Findings:
    """Counts of the whole record; recipients are those that were asked for, `waited` those beyond their windows.

    `costs` have the threshold in use among others. `holds` are the accounts with most held mail, most first.
    """

    begins_at: float
    ends_at: float
    accounts: int
    account_months: float
    messages: int
    recipients: int
    refused: int
    waited: int
    block_score: float
    stops: list[Stop]
    held_accounts: int
    held_messages: int
    holds: list[Hold]
    costs: list[Cost]
    recipients_by_day: dict[int, int]


@dataclass(slots=True)
class _Account:
    """`hours` are the last two days. `crossed` has for each threshold passed the recipients of the 24 hours before."""

    begins_at: float
    ends_at: float
    last_message: str = ""
    last_held: str = ""
    hours: dict[int, int] = field(default_factory=dict)
    crossed: dict[float, int] = field(default_factory=dict)
    stop: Stop | None = None
    hold: Hold | None = None


class Collector:
    """Takes the outcomes of a replay, one after the other. Memory grows with the accounts, not with their mail."""

    def __init__(self, block_score: float) -> None:
        self._block_score = block_score
        self._thresholds = sorted({*THRESHOLDS, block_score})
        self._accounts: dict[str, _Account] = {}
        self._counts: Counter[str] = Counter()
        self._days: Counter[int] = Counter()

    def add(self, outcome: Outcome) -> None:
        transaction = outcome.transaction
        now, name = transaction.received_at, transaction.identity.account
        reached = sum(one.status is RecipientStatus.ACCEPTED for one in transaction.recipients)
        refused = sum(one.status is RecipientStatus.REFUSED for one in transaction.recipients)
        account = self._accounts.setdefault(name, _Account(now, now))
        account.ends_at = max(account.ends_at, now)
        if transaction.message_key != account.last_message:  # what was deferred comes again
            account.last_message = transaction.message_key
            self._counts["messages"] += 1
        self._counts.update(recipients=reached + refused, refused=refused, waited=outcome.paced)
        self._days[day_of(now)] += reached
        if outcome.verdict is not None:
            self._judged(account, outcome, outcome.verdict)
            if outcome.verdict.action is Action.HOLD and reached and account.stop is None:
                _note_hold(account, transaction, outcome.verdict)
        self._remember(account, now, reached)

    def findings(self) -> Findings:
        accounts = self._accounts.values()
        months = sum(max(account.ends_at - account.begins_at, DAY) for account in accounts) / MONTH
        stops = [account.stop for account in accounts if account.stop is not None]
        holds = sorted((one.hold for one in accounts if one.hold is not None), key=lambda hold: -hold.messages)
        return Findings(
            begins_at=min((account.begins_at for account in accounts), default=0.0),
            ends_at=max((account.ends_at for account in accounts), default=0.0),
            accounts=len(accounts),
            account_months=months,
            messages=self._counts["messages"],
            recipients=self._counts["recipients"],
            refused=self._counts["refused"],
            waited=self._counts["waited"],
            block_score=self._block_score,
            stops=sorted(stops, key=lambda stop: stop.at),
            held_accounts=len(holds),
            held_messages=sum(hold.messages for hold in holds),
            holds=holds[:MOST_HOLDS],
            costs=[_cost(threshold, accounts, months) for threshold in self._thresholds],
            recipients_by_day=dict(sorted(self._days.items())),
        )

    def _judged(self, account: _Account, outcome: Outcome, verdict: Verdict) -> None:
        now = outcome.transaction.received_at
        convicting = enough_speak(verdict.groups)
        if convicting and verdict.score >= self._thresholds[0]:
            before = _last_day(account.hours, now)
            for threshold in self._thresholds:
                if verdict.score >= threshold:
                    account.crossed.setdefault(threshold, before)
        if outcome.incident:
            name = outcome.transaction.identity.account
            before = _last_day(account.hours, now)
            account.stop = Stop(name, now, verdict.score, explain(verdict), before, dict(account.hours))

    def _remember(self, account: _Account, now: float, reached: int) -> None:
        hour = int(now // HOUR)
        if account.stop is not None:
            account.stop.recipients_after += reached
            if hour <= account.stop.at // HOUR + HOURS_AFTER:
                account.stop.hours[hour] = account.stop.hours.get(hour, 0) + reached
        if hour not in account.hours:
            account.hours = {past: count for past, count in account.hours.items() if past >= hour - HOURS_BEFORE}
        account.hours[hour] = account.hours.get(hour, 0) + reached


def _note_hold(account: _Account, transaction: Transaction, verdict: Verdict) -> None:
    """In a replay that observes, as nothing waits in truth."""
    if account.hold is None:
        account.hold = Hold(transaction.identity.account, transaction.received_at, verdict.score, explain(verdict))
    if transaction.message_key != account.last_held:
        account.last_held = transaction.message_key
        account.hold.messages += 1


def _last_day(hours: dict[int, int], now: float) -> int:
    return sum(count for hour, count in hours.items() if hour > now // HOUR - DAY // HOUR)


def _cost(threshold: float, accounts: Iterable[_Account], months: float) -> Cost:
    before = [account.crossed[threshold] for account in accounts if threshold in account.crossed]
    rate = 1000.0 * len(before) / months if months else 0.0
    return Cost(threshold, len(before), rate, median(before) if before else 0.0)
