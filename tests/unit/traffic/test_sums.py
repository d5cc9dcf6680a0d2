"""What is compiled of the arithmetic on profiles says what the few lines say that it stands for, to the last bit."""

from math import exp, log

from hypothesis import given
from hypothesis import strategies as st

from detector.traffic.sums import alike, expected, faded, highest, surprise, with_tally

SIZE = 4
amounts = st.floats(min_value=0.0, max_value=1e15)
mixed = st.one_of(amounts, st.integers(min_value=0, max_value=2**40))
numbers = st.tuples(*[amounts] * SIZE)
mixtures = st.tuples(*[mixed] * SIZE)
shares = st.floats(min_value=0.0, max_value=1.0)
places = st.lists(st.integers(min_value=0, max_value=SIZE - 1), unique=True).map(tuple)


@given(mixtures, st.lists(shares, min_size=2, max_size=2), st.tuples(*[st.integers(min_value=0, max_value=1)] * SIZE))
def test_each_value_fades_by_its_own_share(
    values: tuple[float, ...], left: list[float], which: tuple[int, ...]
) -> None:
    assert faded(values, left, which) == tuple(value * left[one] for value, one in zip(values, which, strict=True))


@given(mixtures, places, mixtures)
def test_a_count_is_added_and_a_level_replaces_what_was(
    values: tuple[float, ...], counted: tuple[int, ...], tally: tuple[float, ...]
) -> None:
    rows = tuple((place, SIZE - 1 - place, place % 2 == 1) for place in counted)
    after = with_tally(values, rows, tally)
    for place, value in enumerate(values):
        new = tally[SIZE - 1 - place] if place in counted else 0
        wanted = value if not new else new if place % 2 else value + new
        assert repr(after[place]) == repr(wanted)  # whole numbers stay whole, in what is stored too


@given(mixtures, mixtures, places)
def test_a_peak_never_falls_and_only_those_asked_for_rise(
    peaks: tuple[float, ...], values: tuple[float, ...], which: tuple[int, ...]
) -> None:
    after = highest(peaks, values, which)
    for place, (peak, value) in enumerate(zip(peaks, values, strict=True)):
        assert repr(after[place]) == repr(max(peak, value) if place in which else peak)


def test_numbers_that_nothing_changes_are_not_copied() -> None:
    values = (1.0, 2.0)
    assert with_tally(values, ((0, 0, False),), (0.0,)) is values
    assert highest(values, (1.0, 1.0), (0, 1)) is values


@given(shares, numbers, numbers, numbers, st.tuples(*[shares] * SIZE))
def test_what_is_expected_lies_between_own_and_usual(
    share: float,
    means: tuple[float, ...],
    usual: tuple[float, ...],
    variances: tuple[float, ...],
    dispersions: tuple[float, ...],
) -> None:
    found = expected((2, 0), share, (means, variances), (usual, variances, dispersions))
    for place, (mean, variance) in zip((2, 0), found, strict=True):
        assert mean == share * means[place] + (1.0 - share) * usual[place]
        own = share * variances[place] + (1.0 - share) * variances[place]
        assert variance == max(own, dispersions[place] * mean)


@given(st.lists(st.integers(min_value=0, max_value=400).map(lambda count: count / 2.0), max_size=7), shares)
def test_the_surprise_of_a_text_is_that_of_its_share_among_those_of_the_account(
    counts: list[float], where: float
) -> None:
    fleet = 8.0 * where
    place = min(int(fleet), 6)
    share, own = exp(-fleet), sum(counts)
    together = (sum(counts[place:]) + 20.0 * share) / (own + 20.0)
    wanted = -log(min(1.0, max(together, min(share, 1.0 / (own + 1.0)))))
    assert surprise(tuple(counts), place, fleet, 20.0) == wanted


sketches = st.binary(max_size=4)


@given(sketches, st.lists(sketches, max_size=5), st.sampled_from([1.0, 2.0]))
def test_a_sketch_is_alike_the_first_of_its_length_with_enough_equal_octets(
    sketch: bytes, others: list[bytes], least: float
) -> None:
    found = [
        place
        for place, other in enumerate(others)
        if sketch
        and len(other) == len(sketch)
        and sum(one == two for one, two in zip(sketch, other, strict=True)) >= least
    ]
    assert alike(sketch, others, least) == (found[0] if found else -1)
