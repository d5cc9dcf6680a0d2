"""An account that keeps its declaration is never above it; one that sends much more is: how much is written here."""

from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from detector.mail.transaction import Stream
from detector.traffic.clock import day_of
from detector.traffic.features import Tally
from detector.traffic.profile import Profile
from detector.verdict.declaration import Declaration, within

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
MIDNIGHT = 20_000 * DAY
NOON = MIDNIGHT + DAY / 2
MOST = 1000
HOURLY, DAILY = Declaration(recipients_per_hour=MOST), Declaration(recipients_per_day=MOST)

Mail = tuple[float, Stream, int]

times = st.lists(st.floats(0.0, 3 * DAY).map(lambda after: MIDNIGHT + after), max_size=40)
amounts = st.integers(1, 2 * MOST)


def profiles(mails: Iterable[Mail], profile: Profile | None = None) -> Iterator[Profile]:
    """The profile after each mail, as the judge leaves it."""
    profile = profile or Profile()
    for at, stream, recipients in mails:
        tally = Tally(recipients=recipients, answered=recipients)
        counters = profile.counters.add(stream, tally, at)
        on_day = profile.on_day(day_of(at))
        today = on_day.today.add(stream, counters.features, tally)
        profile = replace(on_day, counters=counters, today=today)
        yield profile


def spread(recipients: int, over: float, start: float = NOON, stream: Stream = Stream.PERSONAL) -> list[Mail]:
    """One recipient after the other, evenly; the last comes at the end."""
    return [(start + over * (number + 1) / recipients, stream, 1) for number in range(recipients)]


def sooner_or_later_above(mails: Iterable[Mail], declaration: Declaration, before: Profile | None = None) -> bool:
    found = profiles(mails, before)
    return any(not within(profile, declaration, profile.counters.updated_at) for profile in found)


def burst_is_above(times: float, over: float, stream: Stream, before: Profile | None = None) -> bool:
    """Whether so many times the hourly ceiling within `over` seconds is noticed."""
    return sooner_or_later_above(spread(int(times * MOST), over, stream=stream), HOURLY, before)


def busy_day(share: float, stream: Stream = Stream.PERSONAL, until: float = NOON) -> Profile:
    """A profile after a day on which this share of the hourly ceiling was sent, every five minutes."""
    each = int(share * MOST / 12)
    *_, last = profiles([(until - DAY + number * 5 * MINUTE, stream, each) for number in range(1, 288)])
    return last


@given(times, st.data())
def test_who_keeps_a_declaration_is_within_at_any_time(events: list[float], data: st.DataObject) -> None:
    period, declaration = data.draw(st.sampled_from([(HOUR, HOURLY), (DAY, DAILY)]))
    kept: list[Mail] = []
    for at in sorted(events):
        room = MOST - sum(recipients for then, _, recipients in kept if at - then < period)
        if room > 0:
            amount = data.draw(st.sampled_from([room, 1, room // 2 + 1]))
            kept.append((at, data.draw(st.sampled_from(Stream)), amount))
    for profile in profiles(kept):
        assert within(profile, declaration, profile.counters.updated_at)
        assert within(profile, declaration, profile.counters.updated_at + data.draw(st.floats(0.0, DAY)))


@given(st.lists(st.floats(0.0, HOUR, exclude_max=True), min_size=1, max_size=30), st.sampled_from(Stream))
def test_exactly_the_declared_number_within_an_hour_is_within_however_it_comes(
    after: list[float], stream: Stream
) -> None:
    mails = [(NOON + one, stream, 1) for one in sorted(after)]
    assert not sooner_or_later_above(mails, Declaration(len(mails), len(mails)))


@given(st.integers(1, 10**6), st.sampled_from(Stream), st.floats(0.0, 1.0))
def test_twice_the_declared_number_at_once_is_above(most: int, stream: Stream, hours: float) -> None:
    mails = [(NOON, stream, most), (NOON + hours * HOUR / 2, stream, most)]
    assert sooner_or_later_above(mails, Declaration(recipients_per_hour=most))
    assert sooner_or_later_above(mails, Declaration(recipients_per_day=most))


@given(st.integers(1, 10**6), st.floats(0.0, 1.0), st.lists(st.tuples(st.floats(0.0, DAY), st.integers(1, 5000))))
def test_no_history_excuses_twice_the_declared_number_at_once(
    most: int, pause: float, history: list[tuple[float, int]]
) -> None:
    before = [(NOON - DAY + after / 2, Stream.PERSONAL, recipients) for after, recipients in sorted(history)]
    mails = [(NOON, Stream.PERSONAL, most), (NOON + pause * 9 * MINUTE, Stream.PERSONAL, most)]
    *_, profile = profiles([*before, *mails])
    assert not within(profile, Declaration(recipients_per_hour=most), profile.counters.updated_at)
    assert not within(profile, Declaration(recipients_per_day=most), profile.counters.updated_at)


@pytest.mark.parametrize(("over", "times"), [(1.0, 1.01), (10 * MINUTE, 1.15), (30 * MINUTE, 1.4), (HOUR, 2.15)])
@pytest.mark.parametrize("stream", Stream)
def test_what_is_above_an_hours_ceiling_after_a_day_without_mail(over: float, times: float, stream: Stream) -> None:
    assert burst_is_above(times, over, stream)


@pytest.mark.parametrize("share", [0.1, 0.3, 0.6, 1.0])
@pytest.mark.parametrize(("over", "times"), [(1.0, 1.02), (10 * MINUTE, 1.4), (30 * MINUTE, 2.5), (HOUR, 4.0)])
def test_what_is_above_an_hours_ceiling_after_a_busy_day(share: float, over: float, times: float) -> None:
    assert burst_is_above(times, over, Stream.PERSONAL, busy_day(share))


@pytest.mark.parametrize("share", [0.1, 0.3, 0.6, 1.0])
def test_automatic_mail_is_above_when_it_comes_to_four_times_the_ceiling(share: float) -> None:
    assert burst_is_above(4.0, HOUR, Stream.AUTOMATIC, busy_day(share, Stream.AUTOMATIC))


def test_a_fifth_more_than_declared_is_above_when_it_lasts() -> None:
    hours = [(NOON + number * 6 * MINUTE, Stream.PERSONAL, int(0.12 * MOST)) for number in range(120)]
    assert sooner_or_later_above(hours, HOURLY)
    steadily = [(NOON + number * 6 * MINUTE, Stream.PERSONAL, int(0.1 * MOST)) for number in range(1200)]
    assert not sooner_or_later_above(steadily, HOURLY)


def test_one_and_a_half_times_a_days_ceiling_is_above_on_a_utc_day() -> None:
    evenly = spread(int(1.51 * MOST), 0.9 * DAY, start=MIDNIGHT)
    assert sooner_or_later_above(evenly, DAILY)
    assert not sooner_or_later_above(spread(MOST, 0.9 * DAY, start=MIDNIGHT), DAILY)


def test_what_was_deferred_yesterday_does_not_count_against_today() -> None:
    *_, profile = profiles(spread(MOST, HOUR, start=MIDNIGHT - 2 * HOUR))
    late = Tally(answered=MOST // 2)
    today = profile.on_day(day_of(MIDNIGHT + HOUR)).today.add(Stream.PERSONAL, profile.counters.features, late)
    profile = replace(profile, today=today, counters=profile.counters.at(MIDNIGHT + HOUR))
    *_, profile = profiles([(NOON + DAY / 2 - HOUR, Stream.PERSONAL, MOST)], profile)
    assert within(profile, DAILY, profile.counters.updated_at)


def test_streams_are_added() -> None:
    each = 6 * MOST // 10
    mails = [(NOON, Stream.PERSONAL, each), (NOON, Stream.AUTOMATIC, each)]
    assert sooner_or_later_above(mails, HOURLY)
    assert not sooner_or_later_above(mails[:1], HOURLY)


def test_an_account_comes_back_within_its_declaration() -> None:
    *_, profile = profiles([(NOON, Stream.PERSONAL, 3 * MOST)])
    assert [within(profile, HOURLY, NOON + after) for after in (0.0, 4 * HOUR)] == [False, True]
    assert [within(profile, DAILY, NOON + after) for after in (0.0, 11 * HOUR, 2 * DAY)] == [False, False, True]


@given(st.lists(st.tuples(amounts, st.sampled_from(Stream)), max_size=5))
def test_without_ceilings_everything_is_within(mails: list[tuple[int, Stream]]) -> None:
    for profile in profiles([(NOON, stream, recipients) for recipients, stream in mails]):
        assert within(profile, Declaration(), NOON)


def test_an_account_that_was_never_seen_is_within() -> None:
    assert within(Profile(), Declaration(1, 1), NOON)


def test_a_declaration_is_told_in_words() -> None:
    told = [str(Declaration(*ceilings)) for ceilings in [(500, 2000), (500, None), (None, 2000), (None, None)]]
    assert told == [
        "at most 500 recipients an hour and 2000 a day",
        "at most 500 recipients an hour",
        "at most 2000 recipients a day",
        "",
    ]
    assert [bool(Declaration(1)), bool(Declaration())] == [True, False]
