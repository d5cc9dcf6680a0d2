"""Times, counts and names as operators read them."""

from datetime import UTC, datetime

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0


def moment(at: float) -> str:
    """A time in UTC; one that no calendar has, as events of a record may tell it, as the number it is.

    >>> moment(0.0), moment(1e15)
    ('1970-01-01 00:00:00', '1e+15 s after 1970')
    """
    try:
        return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return f"{at:g} s after 1970"


def span(seconds: float) -> str:
    """A length of time, roughly.

    >>> span(1.26), span(59.0), span(150.0), span(9000.0), span(400_000.0)
    ('1.3 s', '59 s', '2 min', '2 h', '4 days')
    """
    seconds = max(0.0, seconds)
    if seconds < MINUTE:
        return f"{seconds:.1f} s" if seconds < 10.0 else f"{seconds:.0f} s"
    if seconds < 2 * HOUR:
        return f"{int(seconds / MINUTE)} min"
    return f"{int(seconds / HOUR)} h" if seconds < 2 * DAY else f"{int(seconds / DAY)} days"


def since(at: float, now: float) -> str:
    """When it was, exactly and roughly.

    >>> since(0.0, 150.0)
    '1970-01-01 00:00:00 UTC (2 min ago)'
    """
    return f"{moment(at)} UTC ({span(now - at)} ago)"


def counted(number: int, one: str, many: str = "") -> str:
    """A number with its noun.

    >>> counted(1, "strike"), counted(0, "day"), counted(2, "entry", "entries")
    ('1 strike', '0 days', '2 entries')
    """
    return f"{number} {one if number == 1 else many or one + 's'}"


def shown(text: str) -> str:
    """A text that a client may have chosen: it must not steer the operator's terminal.

    >>> shown("ann" + chr(27) + "[2J")
    'ann?[2J'
    """
    return "".join(character if character.isprintable() else "?" for character in text)
