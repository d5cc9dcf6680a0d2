"""What no timeline shows, set by hand with its reason: automatic mail, answers, and senders who are not people.

Nothing here was measured on customers. Each number is the middle of a wide field, and an account's own days soon weigh
more; `models/ledger/README.md` says so under "assumptions that were not measured".
"""

from collections.abc import Mapping
from typing import NamedTuple

from detector.mail.transaction import Stream
from detector.models import Moments
from detector.traffic.baseline import PEOPLE

# Answers and forwarded mail of a busy mailbox, and how much of it is turned away.
AUTOMATIC = {
    "automatic_recipients_2h": Moments(10.0, 200.0, 10.0),
    "automatic_recipients_24h": Moments(50.0, 5000.0, 10.0),
}
COPIES = {"copies_24h": Moments(1.1, 0.5, 1.5)}  # who writes to several people puts them into one message
REFUSALS = {Stream.PERSONAL.value: (2.0, 98.0), Stream.AUTOMATIC.value: (10.0, 40.0)}
OBJECTIONS = {Stream.PERSONAL.value: (1.0, 399.0), Stream.AUTOMATIC.value: (5.0, 95.0)}
# A list of members or customers that is used a few times a year goes bad faster than an address book in daily use.
# It weighs as little as half of what people's does, so that the account's own mailings soon say how good it is.
LIST_REFUSALS = {Stream.PERSONAL.value: (2.0, 48.0), Stream.AUTOMATIC.value: (10.0, 40.0)}


class Mailing(NamedTuple):
    """A day on which a program or a secretary writes to many: how many, and for each feature how much of them.

    `often` is the share of active days. How widely the numbers of recipients differ, as standard deviations in means:
    `spread` from day to day, `differ` from account to account.
    """

    often: float
    recipients: float
    spread: float
    parts: Mapping[str, float]
    differ: float = 0.0


# A club, a school, an office. A letter to hundreds of members on few of its active days; how many days is measured
# (`training.senders`). As wide as it is large: a club of thirty and one of five hundred are the same kind of sender.
LETTER = Mailing(0.05, 200.0, 1.0, {
    "recipients_10m": 1.0,  # at once
    "recipients_2h": 1.0,
    "recipients_24h": 1.0,
    "new_recipients_10m": 0.6,  # all of the first letter, the new members and customers of the later ones
    "new_recipients_24h": 0.6,
    "new_recipients_7d": 0.8,  # they fade by half in a week: some of it is still there on the days after
    "same_text_24h": 1.0,
    "copies_24h": 0.5,  # one letter to all, or one letter for each
    "domains_1d": 0.3,  # half are with a few large providers
    "ascending_new_recipients": 0.2,  # some lists are in alphabetical order
})  # fmt: skip
# A web shop, invoices, tickets, monitoring: every day, a stream or a burst, most of it to people who were never written
# to before and hardly ever will be again. The spread, and how much of a day comes at once, is measured
# (`training.senders`): what stands here is for those who have no timeline of programs.
STREAM = Mailing(1.0, 200.0, 1.0, {
    "recipients_10m": 0.3,  # between a steady stream (1 %) and a monthly run of invoices (all)
    "recipients_2h": 0.4,
    "recipients_24h": 1.0,
    "new_recipients_10m": 0.2,
    "new_recipients_24h": 0.65,  # the middle of 40 to 90 %
    "new_recipients_7d": 4.0,  # a week of new customers, most of which have not faded yet
    "same_text_24h": 0.5,  # a few templates
    "copies_24h": 0.5,
    "domains_1d": 0.3,
    "ascending_new_recipients": 0.1,  # invoices come in the order of customers
    "automatic_recipients_2h": 0.4,  # the same, of those that say that they are automatic (RFC 3834)
    "automatic_recipients_24h": 1.0,
}, differ=1.3)  # fmt: skip  # by a factor of e, as in `traffic.cohort`: sqrt(e - 1)
# Strangers. A letter to each member: a run of hundreds, whatever was written between letters. A program: nineteen of
# twenty on its first day; then its own mail says more, but never less than the most that is common (90 %), because a
# shop that opens was a mailbox in which somebody wrote letters to few.
PEOPLE_STRANGERS = (PEOPLE.strangers, PEOPLE.others, PEOPLE.least)
LETTER_STRANGERS = (PEOPLE.strangers, PEOPLE.others, 0.99)
STREAM_STRANGERS = (19.0, 1.0, 0.9)


def mixed(people: Mapping[str, Moments], mailing: Mailing) -> dict[str, Moments]:
    """Moments of days that are mostly people's, and `often` those of a mailing in addition.

    The dispersion is that of the whole, as one account has it: after many days without a mailing the next one is still
    no surprise.
    """
    return {name: _mixed(one, mailing, mailing.parts.get(name, 0.0)) for name, one in people.items()}


def _mixed(people: Moments, mailing: Mailing, part: float) -> Moments:
    if not part:
        return people
    size = mailing.recipients * part
    mean = people.mean + mailing.often * size
    # Of a day that is a mailing (or not) and then of any size: E[x^2] - E[x]^2.
    square, same = mailing.often * size**2 * (1.0 + mailing.spread**2), (mailing.often * size) ** 2
    own = people.variance + square - same
    variance = people.variance + square * (1.0 + mailing.differ**2) - same
    return Moments(round(mean, 4), round(variance, 4), round(own / mean, 2))
