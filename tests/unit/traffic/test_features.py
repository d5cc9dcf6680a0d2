"""What is counted: profiles and priors on disk depend on its order, explanations on its names."""

import re
from itertools import pairwise

from detector.mail.transaction import Stream
from detector.traffic.features import (
    ANSWERS,
    ANSWERS_OF,
    DAYS,
    FEATURE_VERSION,
    FEATURES,
    FEATURES_OF,
    HOURS,
    LEVELS,
    MINUTES,
    STREAM_INDEX,
    STREAMS,
    Measure,
    Tally,
)

# As they stand in the profiles and priors of this version.
STORED = {
    1: (
        "answered_24h refused_24h automatic_answered_24h automatic_refused_24h",
        "recipients_10m recipients_2h recipients_24h new_recipients_10m new_recipients_24h new_recipients_7d "
        "automatic_recipients_2h automatic_recipients_24h",
        "personal automatic",
    ),
    2: (
        "answered_24h refused_24h automatic_answered_24h automatic_refused_24h unwanted_24h automatic_unwanted_24h",
        "recipients_10m recipients_2h recipients_24h new_recipients_10m new_recipients_24h new_recipients_7d "
        "automatic_recipients_2h automatic_recipients_24h same_text_24h domains_1d ascending_new_recipients copies_24h",
        "personal automatic",
    ),
}


def test_the_order_in_which_profiles_are_stored_changes_only_with_the_feature_version() -> None:
    """A count of recipients that is read as one of refusals would block a whole provider after an upgrade."""
    answers, features, streams = STORED[FEATURE_VERSION]
    assert " ".join(one.name for one in ANSWERS) == answers
    assert " ".join(one.name for one in FEATURES) == features
    assert " ".join(STREAMS) == streams


def test_a_name_says_over_which_time_and_of_which_stream_it_counts() -> None:
    unit = {"m": MINUTES, "h": HOURS, "d": DAYS}
    for counter in (*ANSWERS, *FEATURES):
        span = re.search(r"_(\d+)([mhd])$", counter.name)
        assert span is not None or counter.measure in LEVELS
        assert span is None or counter.half_life == int(span[1]) * unit[span[2]]
        assert counter.name.startswith("automatic_") == (counter.stream is Stream.AUTOMATIC)
        assert counter.name.removeprefix("automatic_").startswith("new_") == (counter.measure is Measure.FIRST_TIME)


def test_every_feature_is_weighed_in_exactly_one_stream() -> None:
    assert sorted(index for indices in FEATURES_OF.values() for index in indices) == list(range(len(FEATURES)))
    for index, feature in enumerate(FEATURES):
        assert index in FEATURES_OF[feature.stream]
        assert STREAMS[STREAM_INDEX[index]] is feature.stream


def test_a_new_version_adds_at_the_end_only() -> None:
    for before, after in pairwise(STORED[version] for version in sorted(STORED)):
        assert all(new.startswith(old) for old, new in zip(before, after, strict=True))


def test_bad_answers_and_the_answers_they_are_a_share_of_fade_alike() -> None:
    """Otherwise an account could have more refusals than answers, only because time went by."""
    for stream in Stream:
        counters = [ANSWERS[index] for index in ANSWERS_OF[stream]]
        assert [one.measure for one in counters] == [Measure.ANSWERED, Measure.REFUSED, Measure.UNWANTED]
        assert all(one.stream is stream for one in counters)
        assert len({one.half_life for one in counters}) == 1


def test_a_measure_takes_its_own_field_of_a_tally() -> None:
    tally = Tally(*range(1, len(Measure) + 1))
    assert {measure.name.lower(): tally[measure] for measure in Measure} == tally._asdict()
