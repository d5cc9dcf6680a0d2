"""Time stamps of log lines: `Oct 26 19:46:00` (RFC 3164, no year) or `2024-10-26T19:46:00+02:00` (RFC 3339).

Also which times of a record are believed at all.
"""

import re
from datetime import UTC, datetime

from detector.traffic.clock import END_OF_TIME

EARLIEST = 631_152_000.0  # 1990: no mail that is judged today was sent before
YEARS = (1990, 2105)  # whole years between EARLIEST and END_OF_TIME
DAY = 86400.0
NAMES = b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"
MONTHS = {name: number for number, name in enumerate(NAMES.split(), 1)}

_TRADITIONAL = re.compile(rb"([A-Z][a-z][a-z]) ([ \d]\d) (\d\d):(\d\d):(\d\d) ")
_FRACTION = re.compile(rb"\.\d+")


def believed(time: float) -> float | None:
    """A time in Unix seconds as it is, or None for one that no clock had when mail was sent.

    >>> believed(1_772_700_000.0), believed(0.0), believed(253_402_386_000.0)
    (1772700000.0, None, None)
    """
    return time if EARLIEST <= time <= END_OF_TIME else None


class Calendar:
    """Reads the stamps of one log, in order.

    A year is guessed such that the first line is not later than `written_at`, when the log was last written (Unix
    seconds), and counted on at each new year. Stamps without a time zone are read as UTC: no matter which it was,
    distances are right (but for the hour in which summer time ends).
    """

    def __init__(self, written_at: float) -> None:
        self._written = datetime.fromtimestamp(written_at + DAY, UTC)
        self._year = 0
        self._month = 0
        self._day = b""
        self._midnight = 0.0
        self._stamp = b""
        self._time: float | None = None

    def read(self, line: bytes) -> float | None:
        """Unix seconds, whole ones; None if the line begins with no stamp that is believed."""
        stamp = line[:16] if line[:1].isalpha() else line[: max(line.find(b" "), 0)]
        if stamp != self._stamp:
            self._stamp = stamp
            time = self._traditional(stamp) if stamp[:1].isalpha() else _with_year(stamp)
            self._time = None if time is None else believed(time)
        return self._time

    def _traditional(self, stamp: bytes) -> float | None:
        match = _TRADITIONAL.match(stamp)
        if match is None or match[1] not in MONTHS:
            return None
        if stamp[:6] != self._day:
            self._day = stamp[:6]
            self._begin_day(MONTHS[match[1]], int(match[2]))
        return self._midnight + int(match[3]) * 3600 + int(match[4]) * 60 + int(match[5])

    def _begin_day(self, month: int, day: int) -> None:
        if not self._year:
            self._year = self._written.year - ((month, day) > (self._written.month, self._written.day))
        elif month < self._month - 6:
            self._year += 1
        elif month > self._month + 6:  # a line of New Year's Eve that came late
            self._year -= 1
        self._year = min(max(self._year, YEARS[0]), YEARS[1])  # months in a random order walk to any year
        self._month = month
        # Not by datetime's own day: February 29 must not fail where the year was guessed wrong.
        self._midnight = datetime(self._year, month, 1, tzinfo=UTC).timestamp() + (day - 1) * DAY


def _with_year(stamp: bytes) -> float | None:
    try:
        moment = datetime.fromisoformat(_FRACTION.sub(b"", stamp).decode("ascii"))
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
