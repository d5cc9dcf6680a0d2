"""What is counted of an account's mail, and over which time: one table, in the order in which profiles keep it.

New rows are added at the end only, and `FEATURE_VERSION` goes up with them: profiles and priors depend on the order.
"""

from enum import IntEnum
from typing import NamedTuple

from detector.mail.transaction import Stream

FEATURE_VERSION = 2

MINUTES = 60.0
HOURS = 3600.0
DAYS = 86400.0


class Tally(NamedTuple):
    """What one transaction adds; each recipient is counted once a day, and what is tried again not anew.

    Some are no counts of the transaction but levels after it (`LEVELS`): what is in them replaces what was.
    """

    recipients: float = 0  # different ones of this day
    first_time: float = 0  # of these, never reached by this account before
    answered: int = 0  # the next hop accepted or refused the address
    refused: int = 0  # there is no such address, or it takes no mail
    unwanted: float = 0  # refused as spam or by policy, or complained of; for now only: a part
    same_text: float = 0.0  # recipients of this text, near-duplicates included, by time decay
    domains: float = 0.0  # different domains among the day's recipients
    ascending: float = 0.0  # first-time recipients in alphabetical order, one after the other
    copies: float = 0.0  # messages with this text, by time decay
    messages: int = 0
    to_strangers: int = 0  # messages of which no recipient was known


class Measure(IntEnum):
    """Which field of a tally a counter takes."""

    RECIPIENTS = 0
    FIRST_TIME = 1
    ANSWERED = 2
    REFUSED = 3
    UNWANTED = 4
    SAME_TEXT = 5
    DOMAINS = 6
    ASCENDING = 7
    COPIES = 8
    MESSAGES = 9
    TO_STRANGERS = 10


LEVELS = frozenset({Measure.SAME_TEXT, Measure.DOMAINS, Measure.ASCENDING, Measure.COPIES})


class Counter(NamedTuple):
    """A counter, or the last level, that forgets half of its value in each half-life (seconds)."""

    name: str
    stream: Stream
    measure: Measure
    half_life: float


ANSWERS = (
    Counter("answered_24h", Stream.PERSONAL, Measure.ANSWERED, 24 * HOURS),
    Counter("refused_24h", Stream.PERSONAL, Measure.REFUSED, 24 * HOURS),
    Counter("automatic_answered_24h", Stream.AUTOMATIC, Measure.ANSWERED, 24 * HOURS),
    Counter("automatic_refused_24h", Stream.AUTOMATIC, Measure.REFUSED, 24 * HOURS),
    Counter("unwanted_24h", Stream.PERSONAL, Measure.UNWANTED, 24 * HOURS),
    Counter("automatic_unwanted_24h", Stream.AUTOMATIC, Measure.UNWANTED, 24 * HOURS),
)
FEATURES = (
    Counter("recipients_10m", Stream.PERSONAL, Measure.RECIPIENTS, 10 * MINUTES),
    Counter("recipients_2h", Stream.PERSONAL, Measure.RECIPIENTS, 2 * HOURS),
    Counter("recipients_24h", Stream.PERSONAL, Measure.RECIPIENTS, 24 * HOURS),
    Counter("new_recipients_10m", Stream.PERSONAL, Measure.FIRST_TIME, 10 * MINUTES),
    Counter("new_recipients_24h", Stream.PERSONAL, Measure.FIRST_TIME, 24 * HOURS),
    Counter("new_recipients_7d", Stream.PERSONAL, Measure.FIRST_TIME, 7 * DAYS),
    Counter("automatic_recipients_2h", Stream.AUTOMATIC, Measure.RECIPIENTS, 2 * HOURS),
    Counter("automatic_recipients_24h", Stream.AUTOMATIC, Measure.RECIPIENTS, 24 * HOURS),
    Counter("same_text_24h", Stream.PERSONAL, Measure.SAME_TEXT, 24 * HOURS),
    Counter("domains_1d", Stream.PERSONAL, Measure.DOMAINS, 24 * HOURS),
    Counter("ascending_new_recipients", Stream.PERSONAL, Measure.ASCENDING, 24 * HOURS),
    Counter("copies_24h", Stream.PERSONAL, Measure.COPIES, 24 * HOURS),
)

STREAMS = tuple(Stream)
STREAM_INDEX = tuple(STREAMS.index(feature.stream) for feature in FEATURES)
FEATURES_OF = {
    stream: tuple(index for index, feature in enumerate(FEATURES) if feature.stream is stream) for stream in STREAMS
}
ANSWERS_OF = {
    stream: tuple(index for index, counter in enumerate(ANSWERS) if counter.stream is stream) for stream in STREAMS
}
