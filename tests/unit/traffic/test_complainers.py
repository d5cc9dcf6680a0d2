"""Who complained is remembered for half a year, in bounded space, and mail to him is counted."""

from hypothesis import given
from hypothesis import strategies as st

from detector.traffic.clock import DAY
from detector.traffic.complainers import ENTRY, KEPT_WEEKS, MOST, WEEK, Complainers

NOW = 1.8e9
hashes = st.binary(min_size=8, max_size=8)


def test_a_complainer_is_known_for_half_a_year() -> None:
    some = Complainers().add(b"8octets1", NOW)
    assert some.has(b"8octets1", NOW)
    assert some.has(b"8octets1", NOW + KEPT_WEEKS * WEEK)
    assert not some.has(b"8octets1", NOW + (KEPT_WEEKS + 1) * WEEK)


def test_another_complaint_begins_the_time_anew_and_takes_no_place() -> None:
    some = Complainers().add(b"8octets1", NOW).add(b"8octets1", NOW + 20 * WEEK)
    assert len(some) == 1
    assert some.has(b"8octets1", NOW + (20 + KEPT_WEEKS) * WEEK)


def test_part_of_one_hash_and_part_of_the_next_is_nobody() -> None:
    some = Complainers().add(b"abc.....", NOW).add(b"def.....", NOW)
    middle = some.entries[2:5]
    assert not some.has(middle + b".....", NOW)


@given(st.lists(hashes, max_size=3 * MOST))
def test_the_newest_stay(told: list[bytes]) -> None:
    some = Complainers()
    for one in told:
        some = some.add(one, NOW)
    assert len(some.entries) <= MOST * ENTRY
    different = list(dict.fromkeys(one[:3] for one in reversed(told)))
    assert all(some.has(one, NOW) for one in different[:MOST])
    assert not any(some.has(one, NOW) for one in different[MOST:])


def test_mail_to_them_is_half_forgotten_in_a_day() -> None:
    some = Complainers().add(b"8octets1", NOW).mail(4, NOW).mail(1, NOW + DAY)
    assert some.again == 3.0
    assert some.at(NOW + 2 * DAY).again == 1.5
    assert some.has(b"8octets1", NOW + DAY)
