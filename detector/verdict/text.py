"""Group text: the account's latest texts read like abuse, compared with clean mail, its own first of all.

Each different text counts once, however many get it: 120 copies of one invoice are one observation. The evidence of
successive texts is added, fades by half in a day, and starts anew when clean texts have used it up (CUSUM; Page 1954).
"""

from math import exp

from detector.mail.content import Content
from detector.traffic.profile import Profile
from detector.traffic.reading import Reading
from detector.verdict.odds import calibrated
from detector.verdict.verdict import Evidence, Group, GroupScore

MOST_OF_ONE_TEXT = 3.0  # nats: the corpora of the model are not the operator's mail; 1 in 1000 is all it can know
LEAST, MOST = -0.7, 6.0
PER_1000 = 1000.0


def weigh_text(profile: Profile, content: Content | None, new: bool, now: float) -> tuple[Reading, GroupScore]:
    """The reading after this message, and the group's say. `new`: it is not one of the account's latest texts."""
    before = profile.reading.nats_at(now)
    if content is None or content.surprise is None:
        return profile.reading, _score(before, ())
    surprise = profile.reading.surprise(content.surprise)
    nats = min(calibrated(surprise), MOST_OF_ONE_TEXT) if new else 0.0
    together = min(max(before + nats, LEAST), MOST)
    evidence = Evidence(Group.TEXT, "reads_like_abuse", PER_1000 * exp(-surprise), PER_1000 / 2.0, together - before)
    return profile.reading.weighed(together, now) if new else profile.reading, _score(before, (evidence,))


def _score(before: float, evidence: tuple[Evidence, ...]) -> GroupScore:
    if before:
        evidence = (*evidence, Evidence(Group.TEXT, "texts_before", before, 0.0, before))
    return GroupScore(Group.TEXT, sum([one.nats for one in evidence]), evidence)
