"""Who else lately sent the same, and how much of it is chance."""

from math import log

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.mail.content import Content
from detector.traffic.campaign import (
    FORGET,
    HOUR,
    MOST_KEYS,
    MOST_SUSPECTS,
    SUSPICIOUS_BY_CHANCE,
    Sightings,
    accomplices,
    beyond_chance,
    hashed,
    keys_of,
)
from detector.traffic.clock import DAY

START = 1.7e9
ME = 0xFFFFFFFF

amounts = st.floats(min_value=0.0, max_value=1000.0)
accounts = st.integers(min_value=0, max_value=2**32 - 1)
steps = st.tuples(accounts, st.booleans(), st.floats(min_value=0.0, max_value=2 * DAY))


def seen(suspects: int, innocents: int = 0, at: float = START) -> Sightings:
    """By so many accounts, whose hashes differ as those of real ones do."""
    sightings = Sightings()
    for number in range(suspects + innocents):
        sightings = sightings.notice(hashed(str(number), b"key"), number < suspects, at)
    return sightings


# -- what counts --


def test_a_key_nobody_sent_has_no_accomplices() -> None:
    assert Sightings().suspicious_others(ME, START) == 0.0
    assert Sightings().accounts(START) == 0


def test_each_suspicious_account_counts_once_however_often_it_sends() -> None:
    sightings = Sightings()
    for minute in range(500):
        sightings = sightings.notice(minute % 3, True, START + 60.0 * minute)
    assert sightings.suspicious_others(ME, START + 30000.0) == pytest.approx(3.0, abs=0.1)
    assert sightings.accounts(START + 30000.0) == 3


def test_an_account_is_no_accomplice_of_its_own() -> None:
    assert Sightings().notice(ME, True, START).suspicious_others(ME, START) == 0.0


def test_innocent_accounts_alone_are_no_campaign() -> None:
    assert seen(0, 30).suspicious_others(ME, START) == 0.0


def test_a_suspicious_account_weighs_half_after_a_day_and_nothing_after_three() -> None:
    sightings = Sightings().notice(1, True, START)
    weights = [sightings.suspicious_others(ME, START + days * DAY) for days in (0.0, 1.0, 2.0, 2.99, 3.0)]
    assert weights == pytest.approx([1.0, 0.5, 0.25, 0.126, 0.0], abs=0.001)


def test_an_account_that_is_found_out_later_was_no_innocent() -> None:
    before = seen(0, 12)
    after = before
    for number in range(8):
        after = after.notice(hashed(str(number), b"key"), True, START + 60.0)
    assert after.accounts(START + 60.0) == pytest.approx(before.accounts(START), abs=1)
    assert after.suspicious_others(ME, START + 60.0) > 4.0


def test_suspicion_outlives_an_innocent_message_but_not_a_day_of_them() -> None:
    suspect = Sightings().notice(1, True, START)
    assert suspect.notice(1, False, START + HOUR) is suspect
    cleared = suspect.notice(1, False, START + DAY)
    assert cleared.suspicious_others(ME, START + DAY) == 0.0
    assert cleared.accounts(START + DAY) == 1


def test_nothing_new_is_the_same_object() -> None:
    sightings = seen(2, 2)
    for number in range(4):
        assert sightings.notice(hashed(str(number), b"key"), number < 2, START + HOUR - 1.0) is sightings
    assert sightings.notice(hashed("0", b"key"), True, START + HOUR) is not sightings


# -- popular templates --


def test_a_template_that_hundreds_share_says_nothing_though_some_of_them_are_suspicious() -> None:
    assert seen(10, 200).suspicious_others(ME, START) == 0.0
    assert seen(MOST_SUSPECTS, 3000).suspicious_others(ME, START) == 0.0


def test_a_campaign_that_half_of_its_accounts_do_not_show_yet_still_counts() -> None:
    assert seen(4, 4).suspicious_others(ME, START) > 1.0
    assert seen(10, 10).suspicious_others(ME, START) > 3.0


def test_an_innocent_account_that_sends_often_is_one_innocent() -> None:
    often = seen(3)
    for minute in range(1000):
        often = often.notice(hashed("shop", b"key"), False, START + minute)
    once = seen(3).notice(hashed("shop", b"key"), False, START)
    assert often.suspicious_others(ME, START) == once.suspicious_others(ME, START)


def test_innocents_are_remembered_for_36_to_72_hours() -> None:
    sightings = Sightings()
    for account in range(5):
        sightings = sightings.notice(account, False, START)
    ages = [35.0, 37.0, 71.0, 73.0]
    counts = [sightings.notice(ME, False, START + HOUR * age).accounts(START + HOUR * age) for age in ages]
    assert counts == [6, 6, 6, 1]


def test_innocents_of_the_half_before_still_excuse() -> None:
    turned = seen(0, 40).notice(ME, False, START + 37 * HOUR)
    suspected = turned.notice(hashed("thief", b"key"), True, START + 37 * HOUR)
    assert suspected.suspicious_others(ME, START + 37 * HOUR) == 0.0


@pytest.mark.parametrize("number", [1, 5, 20, 60, 120])
def test_accounts_are_told_roughly(number: int) -> None:
    assert seen(0, number).accounts(START) == pytest.approx(number, rel=0.25, abs=0.5)


@pytest.mark.parametrize("suspects", range(MOST_SUSPECTS + 1))
@pytest.mark.parametrize("innocents", [0, 1, 5, 20, 40, 60, 80, 200])
def test_the_short_way_for_popular_keys_has_the_result_of_the_long_one(suspects: int, innocents: int) -> None:
    sightings = seen(suspects, innocents)
    found = sightings.suspicious_others(ME, START)
    assert found >= 0.0
    if found == 0.0 and suspects:
        innocent = sightings.accounts(START) - suspects
        assert beyond_chance(suspects, innocent + 2.0) < 0.1


# -- what chance explains --


@given(amounts, amounts)
def test_no_more_count_than_there_are_less_those_that_come_with_the_innocents(
    suspicious: float, innocent: float
) -> None:
    odds = SUSPICIOUS_BY_CHANCE / (1.0 - SUSPICIOUS_BY_CHANCE)
    assert 0.0 <= beyond_chance(suspicious, innocent) <= max(0.0, suspicious - odds * innocent) + 1e-6


@given(amounts, amounts, amounts)
def test_more_suspicious_count_more_and_more_innocent_less(suspicious: float, innocent: float, more: float) -> None:
    now = beyond_chance(suspicious, innocent)
    assert beyond_chance(suspicious + more, innocent) >= now - 1e-6
    assert beyond_chance(suspicious, innocent + more) <= now + 1e-6


@given(amounts)
def test_suspicious_accounts_alone_all_count(suspicious: float) -> None:
    assert beyond_chance(suspicious, 0.0) == pytest.approx(suspicious)


@given(st.integers(min_value=1, max_value=40), st.data())
def test_it_bounds_the_chance_of_so_many_among_honest_accounts(total: int, data: st.DataObject) -> None:
    suspicious = data.draw(st.integers(min_value=0, max_value=total))
    nats = -log(SUSPICIOUS_BY_CHANCE) * beyond_chance(suspicious, total - suspicious)
    assert nats <= -log(tail(suspicious, total)) + 1e-9


def tail(suspicious: int, total: int) -> float:
    """P(X >= suspicious) for a binomial X."""
    chances = [1.0]
    for _ in range(total):
        without = [chance * (1.0 - SUSPICIOUS_BY_CHANCE) for chance in [*chances, 0.0]]
        chances = [a + b * SUSPICIOUS_BY_CHANCE for a, b in zip(without, [0.0, *chances], strict=True)]
    return sum(chances[suspicious:])


# -- bounds --


@given(st.lists(steps, max_size=60))
def test_whatever_happens_it_stays_small_and_ordered(history: list[tuple[int, bool, float]]) -> None:
    sightings, now = Sightings(), START
    for account, suspicious, wait in history:
        now += wait
        sightings = sightings.notice(account, suspicious, now)
        assert list(sightings.suspected_at) == sorted(sightings.suspected_at)
        assert len(set(sightings.suspects)) == len(sightings.suspects) == len(sightings.suspected_at) <= MOST_SUSPECTS
        assert 0.0 <= sightings.suspicious_others(account, now) <= MOST_SUSPECTS
    packed = msgspec.msgpack.encode(sightings)
    assert len(packed) <= 300
    assert msgspec.msgpack.decode(packed, type=Sightings) == sightings


def test_of_too_many_suspects_the_one_not_seen_for_longest_is_forgotten() -> None:
    sightings = seen(MOST_SUSPECTS).notice(ME, True, START + HOUR)
    assert hashed("0", b"key") not in sightings.suspects
    assert ME in sightings.suspects


# -- clocks --


def test_a_clock_that_steps_back_by_seconds_changes_nothing() -> None:
    sightings = seen(3, 1)
    assert sightings.suspicious_others(ME, START - 5.0) == sightings.suspicious_others(ME, START)
    assert sightings.notice(hashed("0", b"key"), True, START - 5.0) is sightings


def test_what_a_clock_noticed_that_was_years_ahead_is_forgotten() -> None:
    ahead = seen(3, 3, at=START + 1000 * DAY)
    assert ahead.suspicious_others(ME, START) == 0.0
    assert ahead.accounts(START) == 0
    assert ahead.notice(1, True, START).suspicious_others(ME, START) == 1.0


def test_one_suspect_of_a_clock_ahead_is_seen_anew() -> None:
    mixed = Sightings().notice(1, False, START).notice(2, True, START + FORGET / 2 - 1.0)
    assert mixed.suspicious_others(ME, START) == 0.0
    assert mixed.notice(2, False, START).accounts(START) == 2


# -- messages --


def test_the_strongest_key_counts_and_not_their_sum() -> None:
    assert accomplices([seen(2), Sightings(), seen(3), seen(3, 300)], ME, START) == pytest.approx(3.0)
    assert accomplices([], ME, START) == 0.0


def test_a_message_is_remembered_by_text_bands_and_pivots_each_once() -> None:
    assert keys_of(Content(1, bands=(2, 3), pivots=(4, 3))) == (1, 2, 3, 4)


def test_a_text_too_short_to_compare_is_not_remembered_but_where_it_leads_is() -> None:
    assert keys_of(Content(1, pivots=(4,))) == (4,)
    assert keys_of(Content(1)) == ()


def test_a_message_has_a_bounded_number_of_keys() -> None:
    assert len(keys_of(Content(1, bands=tuple(range(10)), pivots=tuple(range(100))))) == MOST_KEYS


def test_the_hash_of_an_account_depends_on_the_key_and_takes_any_name() -> None:
    assert hashed("ann", b"key") == hashed("ann", b"key") != hashed("ann", b"other")
    assert 0 <= hashed("\udcff", b"key") < 2**32


@given(st.lists(st.tuples(st.integers(0, 200), st.booleans(), st.floats(0.0, 2 * DAY)), min_size=1, max_size=20))
def test_shared_is_what_has_a_suspect_or_several_accounts(history: list[tuple[int, bool, float]]) -> None:
    sightings, now = Sightings(), START
    for account, suspicious, elapsed in history:
        now += elapsed
        sightings = sightings.notice(account, suspicious, now)
        assert sightings.shared == (bool(sightings.suspects) or sightings.accounts(now) > 1)
