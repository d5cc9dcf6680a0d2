"""What we remember of an account, in at most 4 KB."""

from msgspec import Struct
from msgspec.structs import replace

from detector.traffic.amounts import Amount, CohortNumber, Nats, Number
from detector.traffic.baseline import Baseline, Today
from detector.traffic.clock import DAY, day_of, latest
from detector.traffic.complainers import Complainers
from detector.traffic.counters import Counters
from detector.traffic.doubtful import Doubtful
from detector.traffic.habits import Habits
from detector.traffic.lately import Lately
from detector.traffic.memory import Counted, KnownRecipients
from detector.traffic.reading import Reading
from detector.traffic.reputation import Reputation
from detector.traffic.run import Run
from detector.traffic.texts import Texts
from detector.traffic.window import Window


class Leaning(Struct, frozen=True, array_like=True, gc=False):
    """Of which cohort the account would be by its latest days, and on how many of them in a row."""

    cohort: CohortNumber = 0
    days: Number = 0


# A msgspec Struct and not a dataclass, as all values in this room: made ten times faster, packed without a translation.
class Profile(Struct, frozen=True, array_like=True, gc=False, tag="profile-2"):
    """Everything the judge knows about an account. `Profile()` is an account that was never seen.

    `suspicious_day` is the last UTC day on which the evidence reached the hold score, `held_since` (Unix seconds) when
    mail was held first in this episode, 0 when none was. `reverse_paths` knows authors (From) too. `highest` is for the
    calibration: the highest score since `first_seen` (Unix seconds) or since an operator forgave, and the highest one
    at which enough groups spoke for a block. `cohort` is what was learned (`traffic.cohort`), 0 when not known yet.
    `heard` is the number of the last answer to its mail that it has learned of (`state.heard`).
    """

    counters: Counters = Counters()
    today: Today = Today()
    baseline: Baseline = Baseline()
    suspicious_day: Number = 0
    known: KnownRecipients = KnownRecipients()
    counted: Counted = Counted()
    networks: Habits = Habits()
    reverse_paths: Habits = Habits()
    window: Window = Window()
    programs: Habits = Habits()
    texts: Texts = Texts()
    run: Run = Run()
    reading: Reading = Reading()
    held_since: Amount = 0.0
    first_seen: Amount = 0.0
    highest_score: Nats = 0.0
    highest_blockable: Nats = 0.0
    cohort: CohortNumber = 0
    leaning: Leaning = Leaning()
    lately: Lately = Lately()
    reputation: Reputation = Reputation()
    complainers: Complainers = Complainers()
    heard: Number = 0
    doubtful: Doubtful = Doubtful()

    def on_day(self, day: int) -> "Profile":
        """The profile on a day: when the day has changed, the day before is learned or, if suspicious, forgotten.

        The day after a suspicious one is not learned either: its counters still hold the evening before.
        """
        past = self.today
        if day == past.day:
            return self
        if self.suspicious_day == past.day:
            midnight = past.day * DAY
            return replace(
                self,
                today=past.next(day),
                networks=self.networks.without_since(midnight),
                reverse_paths=self.reverse_paths.without_since(midnight),
                programs=self.programs.without_since(midnight),
            )
        clean = self.suspicious_day != past.day - 1
        return replace(self, today=past.next(day), baseline=self.baseline.learn(past) if clean else self.baseline)


def known_before(profile: Profile, at: float) -> bool:
    """Whether something of it may be of before: of one that was erased then, nothing is."""
    return profile.counters.updated_at <= at or 0.0 < profile.first_seen <= at


def forgive(profile: Profile, now: float) -> Profile:
    """The profile after a dismissal: evidence, refusals and today's peaks are forgotten.

    It was the customer, so everything that is known of him stays: recipients, networks, programs, the baseline, and the
    places that clean deliveries have earned.
    """
    at = latest(profile.counters.updated_at, now)
    return replace(
        profile,
        counters=Counters(updated_at=at),
        today=Today(day_of(at)),
        suspicious_day=0,
        texts=Texts(),
        run=Run(),
        lately=Lately(),
        complainers=replace(profile.complainers, again=0.0),
        doubtful=Doubtful(),
        reading=profile.reading.weighed(0.0, at),
        held_since=0.0,
        highest_score=0.0,
        highest_blockable=0.0,
        window=replace(profile.window, refused=0.0, narrow_until=0),
    )


def release(profile: Profile, now: float) -> Profile:
    """The profile after a release: the account was hijacked, is cleaned up, and comes back on probation.

    The evidence is forgotten as by `forgive`. Networks, programs and reverse-paths that came up on a suspicious day do
    not become habits: they may be the thief's. The recipient window begins anew at its least.
    """
    suspicious_since = (profile.suspicious_day or day_of(latest(profile.counters.updated_at, now)) + 1) * DAY
    profile = forgive(profile, now)
    return replace(
        profile,
        networks=profile.networks.without_since(suspicious_since),
        reverse_paths=profile.reverse_paths.without_since(suspicious_since),
        programs=profile.programs.without_since(suspicious_since),
        window=profile.window.on_probation(profile.counters.updated_at),
    )
