"""Days are learned when they end, suspicious ones never, and an operator's pardon leaves what was usual."""

from msgspec.structs import replace

from detector.mail.transaction import Stream
from detector.traffic.baseline import Today
from detector.traffic.clock import DAY, day_of
from detector.traffic.features import FEATURES, Tally
from detector.traffic.habits import Habits
from detector.traffic.profile import Profile, forgive
from detector.verdict.admit import settle
from detector.verdict.judge import judge
from detector.verdict.policy import Policy
from tests.histories import transaction

TUESDAY = 20_000
BUSY = Today(TUESDAY).add(Stream.PERSONAL, [9.0] * len(FEATURES), Tally(9, 9, 9, 0))


def test_a_day_is_learned_when_the_next_one_begins() -> None:
    profile = Profile(today=BUSY)
    assert profile.on_day(TUESDAY) is profile
    assert profile.on_day(TUESDAY + 1).baseline.means[0] == 9.0


def test_a_suspicious_day_is_not_learned_nor_the_day_after() -> None:
    profile = Profile(today=BUSY, suspicious_day=TUESDAY).on_day(TUESDAY + 1)
    assert profile.baseline.days == (0, 0)
    wednesday = replace(profile, today=replace(BUSY, day=TUESDAY + 1))
    assert wednesday.on_day(TUESDAY + 2).baseline.days == (0, 0)
    thursday = replace(profile, today=replace(BUSY, day=TUESDAY + 2))
    assert thursday.on_day(TUESDAY + 3).baseline.days == (1, 0)


def test_a_network_that_came_up_on_a_suspicious_day_does_not_become_a_habit() -> None:
    networks = Habits().notice(1, (TUESDAY - 3) * DAY).notice(2, TUESDAY * DAY + 60)
    profile = Profile(today=BUSY, suspicious_day=TUESDAY, networks=networks).on_day(TUESDAY + 1)
    assert [seen.key for seen in profile.networks.seen] == [1]


def test_forgiving_forgets_the_evidence_and_keeps_what_was_usual(policy: Policy) -> None:
    profile, now = Profile(), TUESDAY * DAY
    for number in range(60):
        now += DAY / 4
        profile, _ = judge(profile, transaction(number), now, policy)
        profile = settle(profile, transaction(number), True, now, policy)
    before = profile
    for number in range(100, 200):
        profile, _ = judge(profile, transaction(number, client="198.51.100.9"), now, policy)
        profile = settle(profile, transaction(number, client="198.51.100.9"), True, now, policy)
    assert judge(profile, transaction(200, client="198.51.100.9"), now, policy)[1].score > 7.0
    assert profile.suspicious_day == day_of(now)
    forgiven = forgive(profile, now)
    assert not any(forgiven.counters.features)
    assert not any(forgiven.counters.answers)
    assert not any(forgiven.today.peaks)
    assert forgiven.suspicious_day == 0
    assert forgiven.window.refused == 0.0
    assert (forgiven.run.to_strangers, forgiven.texts.texts, forgiven.held_since) == (0, (), 0.0)
    assert forgiven.reading.nats == 0.0
    assert forgiven.known == profile.known
    assert forgiven.baseline == before.baseline
    assert [seen.key for seen in forgiven.networks.seen] == [seen.key for seen in before.networks.seen]
    assert judge(forgiven, transaction(201), now, policy)[1].score < 1.0
