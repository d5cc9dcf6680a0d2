"""Group text: the account's latest texts read like abuse, compared with clean mail, its own first of all.

Each different text counts once, however many get it: 120 copies of one invoice are one observation. The evidence of
successive texts is added, fades by half in a day, and starts anew when clean texts have used it up (CUSUM; Page 1954).
"""

from math import exp, log

from detector.mail.content import Content
from detector.traffic.profile import Profile
from detector.traffic.reading import Reading
from detector.verdict.odds import calibrated
from detector.verdict.verdict import TEXT, Evidence, GroupScore

MOST_OF_ONE_TEXT = 3.0  # nats: the corpora of the model are not the operator's mail; 1 in 1000 is all it can know
LEAST, MOST = -0.7, 6.0
# The share of messages with a form, nothing but a picture, a link that names another host, or a page or program as
# attachment: none of 2,800 personal ones (SpamAssassin, R, ImageJ lists), a third of newsletters (hard_ham), 2 to 13 %
# of spam (SpamAssassin, phishing_pot, measured only).
ODD, THIEF_ODD = 0.01, 0.10
PER_1000 = 1000.0


def weigh_text(profile: Profile, content: Content | None, new: bool, now: float) -> tuple[Reading, GroupScore]:
    """The reading after this message, and the group's say. `new`: it is not one of the account's latest texts."""
    reading = profile.reading
    before = reading.nats_at(now)
    if content is None or not new or (content.surprise is None and not content.odd):
        return reading, _score(before, ())
    built = _built(reading, content.odd)
    if content.surprise is None:  # too few words: a picture, for example
        evidence: tuple[Evidence, ...] = ()
        nats = min(built, MOST_OF_ONE_TEXT)
    else:
        surprise = reading.surprise(content.surprise)
        reads = calibrated(surprise)
        nats = min(reads + built, MOST_OF_ONE_TEXT)
        evidence = (Evidence(TEXT, "reads_like_abuse", PER_1000 * exp(-surprise), PER_1000 / 2.0, reads),)
    together = min(max(before + nats, LEAST), MOST)
    evidence = (*evidence, Evidence(TEXT, "built_like_abuse", float(content.odd), 0.0, built))
    # What the bounds take away, or give back, is booked under the past.
    return reading.weighed(together, now), _score(together - sum([one.nats for one in evidence]), evidence)


def _built(reading: Reading, odd: bool) -> float:
    """The odds of how a message is built, a likelihood ratio against what is usual for the account."""
    usual = reading.odd_share(ODD)
    return log(THIEF_ODD / usual) if odd else log((1.0 - THIEF_ODD) / (1.0 - usual))


def _score(before: float, evidence: tuple[Evidence, ...]) -> GroupScore:
    if before:
        evidence = (*evidence, Evidence(TEXT, "texts_before", before, 0.0, before))
    return GroupScore(TEXT, sum([one.nats for one in evidence]), evidence)
