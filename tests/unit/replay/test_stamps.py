"""Time stamps of log lines."""

from datetime import datetime

import pytest

from detector.replay.stamps import Calendar


def seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


WRITTEN = seconds("2026-03-05T12:00:00+00:00")


@pytest.mark.parametrize(
    ("line", "time"),
    [
        (b"Mar  5 11:59:58 mx postfix/smtpd[1]: x", "2026-03-05T11:59:58+00:00"),
        (b"Oct 26 19:46:00 mx postfix/smtpd[1]: x", "2025-10-26T19:46:00+00:00"),
        (b"2024-10-26T19:46:00.123456+02:00 mx postfix/smtpd[1]: x", "2024-10-26T17:46:00+00:00"),
        (b"2024-10-26T19:46:00Z mx postfix/smtpd[1]: x", "2024-10-26T19:46:00+00:00"),
        (b"2024-10-26T19:46:00 mx postfix/smtpd[1]: x", "2024-10-26T19:46:00+00:00"),
    ],
)
def test_both_kinds_are_read_and_the_year_is_the_last_possible_one(line: bytes, time: str) -> None:
    assert Calendar(WRITTEN).read(line) == seconds(time)


@pytest.mark.parametrize(
    "line", [b"", b" ", b"Mar", b"Mar 5 1:2:3 mx", b"Foo  5 11:59:58 mx", b"2024-13-26T19:46:00 mx x"]
)
def test_what_is_no_stamp_has_no_time(line: bytes) -> None:
    assert Calendar(WRITTEN).read(line) is None


def test_a_new_year_is_counted_on_also_when_a_line_of_the_old_one_comes_late() -> None:
    calendar = Calendar(WRITTEN)
    times = [
        calendar.read(stamp + b" mx x: y")
        for stamp in (b"Dec 31 23:59:59", b"Jan  1 00:00:01", b"Dec 31 23:59:58", b"Jan  1 00:00:02")
    ]
    assert times == [
        seconds("2025-12-31T23:59:59+00:00"),
        seconds("2026-01-01T00:00:01+00:00"),
        seconds("2025-12-31T23:59:58+00:00"),
        seconds("2026-01-01T00:00:02+00:00"),
    ]


def test_a_log_may_be_written_in_another_time_zone_than_ours() -> None:
    assert Calendar(WRITTEN).read(b"Mar  6 01:00:00 mx x: y") == seconds("2026-03-06T01:00:00+00:00")


def test_february_29_of_a_year_guessed_wrong_is_a_day_all_the_same() -> None:
    assert Calendar(WRITTEN).read(b"Feb 29 10:00:00 mx x: y") == seconds("2026-03-01T10:00:00+00:00")


@pytest.mark.parametrize("stamp", [b"0001-01-01T00:00:00+14:00", b"1989-12-31T23:59:59Z", b"9999-12-31T23:59:59-23:59"])
def test_a_time_that_no_clock_had_when_mail_was_sent_is_not_believed(stamp: bytes) -> None:
    assert Calendar(WRITTEN).read(stamp + b" mx x: y") is None


def test_months_in_a_random_order_do_not_walk_out_of_the_calendar() -> None:
    calendar, last = Calendar(WRITTEN), None
    for _ in range(9000):
        calendar.read(b"Mar  1 10:00:00 mx x: y")
        calendar.read(b"Sep  1 10:00:00 mx x: y")
        last = calendar.read(b"Dec  1 10:00:00 mx x: y")
    assert last == seconds("2105-12-01T10:00:00+00:00")
