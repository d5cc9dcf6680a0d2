"""Account stories as text: who sends what at which pace, played through the judge and retried as Postfix does.

A story is a title, a blank line, and one line for each thing that happens:

    owner for 40 days: 6 a day, 1 recipient each, 5% new, 1% refused, from 192.0.2.7
    thief sends 3000 messages: 60 a minute, 1 recipient each, 100% new, 25% refused, from 198.51.100.9
    1 hour passes
    expect blocked
    expect escaped at most 25

`the operator says application` assigns the cohort. `new` are recipients that the account never wrote to, `refused`
those that the next hop does not know. Everything else is written to people from the account's address book. `deferred 3
times`: the next hop puts every message off so often.
"""

import heapq
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from detector.mail.address import Address
from detector.mail.transaction import Identity, Recipient, RecipientStatus, Stream, Transaction
from detector.traffic.cohort import Cohort
from detector.traffic.profile import Profile
from detector.verdict.admit import admit, settle
from detector.verdict.judge import judge
from detector.verdict.policy import Policy
from detector.verdict.verdict import Action, Verdict

MONDAY = 1_767_571_200.0  # 2026-01-05 00:00 UTC
SPANS = {"minute": 60.0, "hour": 3600.0, "day": 86400.0}
RETRY_WAITS = (300.0, 600.0, 1200.0, 2400.0, 4000.0)  # minimal_backoff_time doubled up to maximal_backoff_time
GIVE_UP_AFTER = 5 * 86400.0  # maximal_queue_lifetime
RECIPIENTS_AT_ONCE = 50  # default_destination_recipient_limit

HEAD = re.compile(r"(?P<who>owner|thief) (?:for (?P<days>\d+) days|sends (?P<messages>\d+) messages?): (?P<how>.+)")
ASSIGNS = re.compile(r"the operator says (?P<cohort>person|organisation|application)")
PASSES = re.compile(r"(?P<number>\d+) (?P<span>minute|hour|day)s? pass(?:es)?")
PHRASES = re.compile(
    r"(?P<rate>[\d.]+) a (?P<per>minute|hour|day)|(?P<each>\d+) recipients? each|(?P<new>[\d.]+)% new"
    r"|(?P<refused>[\d.]+)% refused|from (?P<client>[\da-f.:]+)|from (?P<networks>\d+) networks"
    r"|(?P<automatic>automatic)|deferred (?P<deferred>\d+) times|as (?P<mail_from>\S+@\S+)"
)


@dataclass(frozen=True, slots=True)
class Sending:
    """A line in which somebody sends."""

    thief: bool
    days: int
    messages: int
    interval: float
    each: int = 1
    new: float = 0.0
    refused: float = 0.0
    clients: tuple[str, ...] = ()
    automatic: bool = False
    deferred: int = 0
    mail_from: str = "ann@customer.example"


@dataclass(frozen=True, slots=True)
class Story:
    title: str
    events: tuple[Sending | float | Cohort, ...]  # a float lets so many seconds pass, a cohort is assigned
    expectations: tuple[str, ...]


@dataclass(slots=True)
class Message:
    """A message in the customer's queue; `recipients` are those that wait, with the next hop's opinion of them."""

    key: str
    sending: Sending
    client: str
    recipients: list[tuple[Address, bool]]
    queued_at: float
    attempts: int = 0


@dataclass(slots=True)
class Outcome:
    """What came of a story."""

    blocked_by: Verdict | None = None
    contained_after: float = 0.0  # seconds from the thief's first message to the block
    held: int = 0  # transactions
    escaped: int = 0
    highest: float = -9.0
    longest_wait: float = 0.0
    undelivered: int = 0
    profile: Profile = field(default_factory=Profile)


def read_story(path: Path) -> Story:
    title, _, body = path.read_text("utf-8").partition("\n\n")
    lines = [line.strip() for line in body.splitlines() if line.strip() and not line.startswith("#")]
    expectations = tuple(line.removeprefix("expect ") for line in lines if line.startswith("expect "))
    return Story(title, tuple(_event(line) for line in lines if not line.startswith("expect ")), expectations)


def _event(line: str) -> Sending | float | Cohort:
    if assigns := ASSIGNS.fullmatch(line):
        return Cohort(assigns["cohort"])
    if passes := PASSES.fullmatch(line):
        return int(passes["number"]) * SPANS[passes["span"]]
    head = HEAD.fullmatch(line)
    assert head, f"not a line of a story: {line}"
    words: dict[str, str] = {}
    for phrase in head["how"].split(", "):
        match = PHRASES.fullmatch(phrase)
        assert match, f"not a phrase of a story: {phrase}"
        words.update({name: value for name, value in match.groupdict().items() if value is not None})
    networks = tuple(f"203.{number // 256}.{number % 256}.9" for number in range(int(words.get("networks", 0))))
    return Sending(
        thief=head["who"] == "thief",
        days=int(head["days"] or 0),
        messages=int(head["messages"] or 0),
        interval=SPANS[words["per"]] / float(words["rate"]),
        each=int(words.get("each", 1)),
        new=float(words.get("new", 0)) / 100,
        refused=float(words.get("refused", 0)) / 100,
        clients=networks or ((words["client"],) if "client" in words else ()),
        automatic="automatic" in words,
        deferred=int(words.get("deferred", 0)),
        mail_from=words.get("mail_from", "ann@customer.example"),
    )


def play(story: Story, policy: Policy, seed: int) -> Outcome:
    """Tell the story to the judge until it ends or the account is blocked."""
    return _Player(policy, random.Random(seed)).play(story)


class _Player:
    def __init__(self, policy: Policy, chance: random.Random) -> None:
        self.policy = policy
        self.chance = chance
        self.outcome = Outcome()
        self.queue: list[tuple[float, int, Message]] = []
        self.address_book: list[Address] = [self.fresh_address() for _ in range(30)]
        self.began_at = 0.0  # the thief
        self.number = 0

    def play(self, story: Story) -> Outcome:
        now = MONDAY + 10 * 3600
        for event in story.events:
            if isinstance(event, Cohort):
                self.policy = self.policy.for_cohort(event)
                continue
            if isinstance(event, float):
                now += event
                continue
            if event.thief and not self.began_at:
                self.began_at = now
            for time in self.times(event, now):
                self.run_queue(until=time)
                self.push(time, self.written(event, time))
                now = time
        self.run_queue(until=now + GIVE_UP_AFTER)
        self.outcome.undelivered = sum(len(message.recipients) for _, _, message in self.queue)
        return self.outcome

    def times(self, sending: Sending, start: float) -> Iterator[float]:
        if not sending.days:
            yield from (start + number * sending.interval for number in range(sending.messages))
            return
        for day in range(sending.days):
            # Uneven days: a few busy ones, many quiet ones (variance about twice the mean).
            usual = SPANS["day"] / sending.interval
            count = round(self.chance.gammavariate(usual / 2, 2.0))
            morning = start + day * 86400.0
            yield from sorted(morning + self.chance.uniform(0, 10 * 3600) for _ in range(count))

    def fresh_address(self) -> Address:
        return Address(f"user{self.chance.randrange(10**9)}", f"domain{self.chance.randrange(40)}.example")

    def written(self, sending: Sending, now: float) -> Message:
        recipients: dict[Address, bool] = {}
        while len(recipients) < sending.each:
            is_new = self.chance.random() < sending.new
            address = self.fresh_address() if is_new else self.chance.choice(self.address_book)
            recipients[address] = self.chance.random() < sending.refused
            if is_new and not sending.thief and not recipients[address]:
                self.address_book.append(address)
        self.number += 1
        client = self.chance.choice(sending.clients) if sending.clients else ""
        return Message(f"<{self.number}@customer.example>", sending, client, list(recipients.items()), now)

    def push(self, time: float, message: Message) -> None:
        self.number += 1
        heapq.heappush(self.queue, (time, self.number, message))

    def run_queue(self, until: float) -> None:
        while self.queue and self.queue[0][0] <= until and not self.outcome.blocked_by:
            now, _, message = heapq.heappop(self.queue)
            waiting: list[tuple[Address, bool]] = []
            for start in range(0, len(message.recipients), RECIPIENTS_AT_ONCE):
                part = message.recipients[start : start + RECIPIENTS_AT_ONCE]
                waiting += part if self.outcome.blocked_by else self.transact(message, part, now)
            message.recipients = waiting
            wait = RETRY_WAITS[min(message.attempts, len(RETRY_WAITS) - 1)]
            message.attempts += 1
            if waiting:
                self.push(now + wait, message)

    def transact(self, message: Message, part: list[tuple[Address, bool]], now: float) -> list[tuple[Address, bool]]:
        """One transaction of the relay; gives back the recipients that must be tried again."""
        profile, asked = self.outcome.profile, []
        for address, refused in part:
            profile, admitted = admit(profile, address, now, self.policy)
            status = RecipientStatus.REFUSED if refused else RecipientStatus.ACCEPTED
            asked.append(Recipient(address, status if admitted else RecipientStatus.PACED, "5.1.1" if refused else ""))
        sending = message.sending
        transaction = Transaction(
            transaction_id=f"{message.key}/{message.attempts}",
            message_key=message.key,
            identity=Identity("ann", "story", trusted=True),
            client=message.client,
            helo="customer.example",
            mail_from=Address.parse("" if sending.automatic else sending.mail_from),
            recipients=tuple(asked),
            stream=Stream.AUTOMATIC if sending.automatic else Stream.PERSONAL,
            received_at=now,
        )
        profile, verdict = judge(profile, transaction, now, self.policy)
        self.outcome.highest = max(self.outcome.highest, verdict.score)
        self.outcome.held += verdict.action is Action.HOLD
        blocked = verdict.action is Action.BLOCK
        delivered = not blocked and message.attempts >= sending.deferred
        self.outcome.profile = settle(profile, transaction, delivered, now, self.policy)
        if blocked:
            self.outcome.blocked_by, self.outcome.contained_after = verdict, now - self.began_at
        accepted = sum(recipient.status is RecipientStatus.ACCEPTED for recipient in asked) if delivered else 0
        if accepted:
            self.outcome.escaped += accepted if sending.thief else 0
            self.outcome.longest_wait = max(self.outcome.longest_wait, now - message.queued_at)
        tried_again = {RecipientStatus.PACED} if delivered else {RecipientStatus.PACED, RecipientStatus.ACCEPTED}
        return [one for one, recipient in zip(part, asked, strict=True) if recipient.status in tried_again]
