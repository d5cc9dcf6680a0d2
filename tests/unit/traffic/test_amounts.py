"""Numbers that no account can have are refused when a profile is read, and none that one can have is."""

from math import inf, isfinite, nan

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from detector.mail.transaction import Stream
from detector.traffic.baseline import Baseline, Today
from detector.traffic.counters import Counters
from detector.traffic.features import ANSWERS, FEATURES, Tally
from detector.traffic.packing import pack, unpack
from detector.traffic.profile import Profile

MOST = 10**9  # more than anybody ever sent in a day
NO_AMOUNTS = [nan, inf, -inf, -1.0, 1e31]

tallies = st.integers(min_value=0, max_value=MOST).flatmap(
    lambda recipients: st.builds(
        Tally,
        st.just(recipients),
        st.integers(min_value=0, max_value=recipients),
        st.just(recipients),
        st.integers(min_value=0, max_value=recipients),
        unwanted=st.integers(min_value=0, max_value=recipients),
        same_text=st.floats(min_value=0.0, max_value=MOST),
        domains=st.floats(min_value=0.0, max_value=400.0),
        ascending=st.integers(min_value=0, max_value=MOST),
        copies=st.floats(min_value=0.0, max_value=MOST),
        messages=st.integers(min_value=0, max_value=1),
        to_strangers=st.integers(min_value=0, max_value=1),
    )
)
days = st.lists(st.tuples(st.sampled_from(Stream), tallies), max_size=60)


def lived(history: list[tuple[Stream, Tally]]) -> Profile:
    """An account after days of one transaction each."""
    profile = Profile()
    for day, (stream, tally) in enumerate(history):
        counters = profile.counters.add(stream, tally, day * 86400.0)
        today = Today(day).add(stream, counters.features, tally)
        profile = replace(profile, counters=counters, today=today, baseline=profile.baseline.learn(today))
    return profile


@pytest.mark.parametrize("number", NO_AMOUNTS)
@pytest.mark.parametrize("field", ["features", "answers"])
def test_a_counter_that_no_mail_can_make_is_refused(field: str, number: float) -> None:
    values = getattr(Counters(), field)
    counters = replace(Counters(), **{field: (*values[:-1], number)})
    with pytest.raises(ValueError, match="not a packed profile"):
        unpack(pack(Profile(counters=counters)))


@pytest.mark.parametrize("number", NO_AMOUNTS)
@pytest.mark.parametrize("field", ["means", "variances", "answers"])
def test_a_baseline_that_no_days_can_make_is_refused(field: str, number: float) -> None:
    values = getattr(Baseline(), field)
    baseline = replace(Baseline(), **{field: (number, *values[1:])})
    with pytest.raises(ValueError, match="not a packed profile"):
        unpack(pack(Profile(baseline=baseline)))


def test_a_profile_with_more_or_fewer_counters_than_this_version_has_is_refused() -> None:
    for count in (0, len(FEATURES) - 1, len(FEATURES) + 1):
        fields = msgspec.msgpack.decode(pack(Profile()))
        fields[1] = [0.0, [0.0] * len(ANSWERS), [0.0] * count]
        with pytest.raises(ValueError, match="not a packed profile"):
            unpack(msgspec.msgpack.encode(fields))


def test_a_million_recipients_every_other_day_do_not_make_a_profile_unreadable() -> None:
    for recipients in (10**6, 10**8, MOST):
        quiet, loud = Tally(1, 0, 1, 0), Tally(recipients, recipients, recipients, 0)
        profile = lived([(Stream.PERSONAL, loud), (Stream.PERSONAL, quiet)] * 30)
        assert unpack(pack(profile)) == profile


@given(days)
def test_whatever_was_counted_and_learned_can_be_read_again(history: list[tuple[Stream, Tally]]) -> None:
    profile = lived(history)
    assert unpack(pack(profile)) == profile
    baseline = profile.baseline
    assert all(isfinite(one) and one >= 0.0 for one in (*baseline.means, *baseline.variances, *baseline.answers))
