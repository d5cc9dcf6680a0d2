"""Group text: different bad texts add up, one text counts once, and clean ones are no treasure to draw on."""

from math import exp, fsum, log

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from detector.mail.content import Content
from detector.traffic.clock import DAY
from detector.traffic.profile import Profile
from detector.traffic.reading import Reading
from detector.verdict.odds import calibrated
from detector.verdict.text import LEAST, MOST, MOST_OF_ONE_TEXT, weigh_text
from detector.verdict.verdict import GroupScore

NOW = 1e9
surprises = st.one_of(st.none(), st.floats(min_value=0.0, max_value=20.0))
letters = st.tuples(surprises, st.booleans(), st.floats(min_value=0.0, max_value=DAY))


def weighed(*texts: float | None, every: float = 0.0) -> tuple[Profile, GroupScore]:
    """New texts of an account, one after the other, and what is said at the last."""
    profile, score = Profile(), weigh_text(Profile(), None, False, NOW)[1]
    for number, surprise in enumerate(texts):
        reading, score = weigh_text(profile, Content(number, surprise=surprise), True, NOW + number * every)
        profile = Profile(reading=reading)
    return profile, score


@given(st.lists(letters, max_size=40))
def test_whatever_is_written_the_group_stays_within_its_limits_and_is_the_sum_of_its_reasons(
    history: list[tuple[float | None, bool, float]],
) -> None:
    profile, now = Profile(), NOW
    for surprise, new, wait in history:
        now += wait
        reading, score = weigh_text(profile, Content(1, surprise=surprise), new, now)
        assert -0.7 - 1e-9 <= score.nats <= 6.0 + 1e-9
        assert score.nats == pytest.approx(fsum(one.nats for one in score.evidence))
        profile = Profile(reading=reading)


def test_the_mean_of_what_one_clean_text_says_is_at_most_that_of_an_e_value() -> None:
    """The share of clean texts that read as badly is uniform, whatever the model is."""
    steps = 20_000
    shares = [(number + 0.5) / steps for number in range(steps)]
    assert fsum(exp(min(calibrated(-log(share)), MOST_OF_ONE_TEXT)) for share in shares) / steps <= 1.0


def test_one_text_says_no_more_than_its_most() -> None:
    assert weighed(20.0)[1].nats == MOST_OF_ONE_TEXT
    assert weighed(20.0, 20.0)[1].nats == pytest.approx(min(2 * MOST_OF_ONE_TEXT, MOST))


@given(st.floats(min_value=0.0, max_value=20.0), st.integers(min_value=1, max_value=120))
def test_one_text_many_times_counts_once(surprise: float, copies: int) -> None:
    profile, once = weighed(surprise)
    for _ in range(copies):
        reading, score = weigh_text(profile, Content(0, surprise=surprise), False, NOW)
        assert reading == profile.reading
        assert score.nats == pytest.approx(once.nats)


def test_different_texts_that_read_badly_add_up() -> None:
    nats = [weighed(*[5.0] * count)[1].nats for count in range(6)]
    assert nats == sorted(nats)
    assert nats[1] < nats[2]
    assert nats[-1] == MOST


@given(st.integers(min_value=0, max_value=200))
def test_it_starts_anew_after_clean_texts_however_many_there_were(clean: int) -> None:
    """CUSUM: praise is no treasure. A thief finds no more of it than the least."""
    praised, score = weighed(*[0.1] * clean)
    assert score.nats >= LEAST
    _, score = weigh_text(praised, Content(1, surprise=20.0), True, NOW)
    assert score.nats >= MOST_OF_ONE_TEXT + LEAST


def test_clean_texts_use_up_the_evidence_of_a_bad_one() -> None:
    assert weighed(5.0, *[0.1] * 10)[1].nats < 0.0


def test_evidence_fades_by_half_in_a_day() -> None:
    profile, score = weighed(4.0)
    assert weigh_text(profile, None, False, NOW + DAY)[1].nats == pytest.approx(score.nats / 2)


def test_a_message_that_says_nothing_leaves_what_was_said_before() -> None:
    profile, before = weighed(4.0)
    for content in (None, Content(5)):
        reading, score = weigh_text(profile, content, True, NOW)
        assert reading == profile.reading
        assert score.nats == pytest.approx(before.nats)
        assert [one.signal for one in score.evidence] == ["texts_before"]


def test_nothing_read_says_nothing() -> None:
    score = weigh_text(Profile(), None, False, NOW)[1]
    assert (score.nats, score.evidence) == (0.0, ())


def test_the_operator_reads_how_many_of_1000_clean_texts_read_as_badly() -> None:
    reads, built = weighed(log(1000.0 / 20.0))[1].evidence
    assert (reads.signal, built.signal) == ("reads_like_abuse", "built_like_abuse")
    assert reads.value == pytest.approx(20.0)


def test_a_message_built_as_abuse_often_is_speaks_against_who_never_builds_so() -> None:
    plain = weigh_text(Profile(), Content(1, surprise=1.0), True, NOW)[1]
    odd = weigh_text(Profile(), Content(1, surprise=1.0, odd=True), True, NOW)[1]
    assert odd.nats > plain.nats + 2.0
    newsletter = Reading()
    for _ in range(40):
        newsletter = newsletter.learn(1.0, odd=True)
    usual = weigh_text(replace(Profile(), reading=newsletter), Content(1, surprise=1.0, odd=True), True, NOW)[1]
    assert usual.nats < plain.nats


def test_a_picture_without_words_is_weighed_too() -> None:
    score = weigh_text(Profile(), Content(1, odd=True), True, NOW)[1]
    assert [one.signal for one in score.evidence] == ["built_like_abuse"]
    assert score.nats > 0.0


@given(st.floats(min_value=0.0, max_value=20.0), st.booleans(), st.booleans())
def test_the_signals_add_up_to_the_group(surprise: float, odd: bool, new: bool) -> None:
    profile = weighed(4.0)[0]
    score = weigh_text(profile, Content(9, surprise=surprise, odd=odd), new, NOW)[1]
    assert sum(one.nats for one in score.evidence) == pytest.approx(score.nats)


def test_advertising_of_who_always_sends_it_says_less() -> None:
    reading = Reading()
    for _ in range(40):
        reading = reading.learn(4.0)
    content = Content(1, surprise=4.0)
    assert weigh_text(Profile(reading=reading), content, True, NOW)[1].nats < 0.0 < weighed(4.0)[1].nats
