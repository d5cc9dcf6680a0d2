"""Group campaign: other accounts that are suspicious themselves lately sent the same text, or lead to the same place.

Honest accounts share texts too: templates of a provider, invoice software, vacation notes. So only accomplices count
that are suspicious by their other evidence (COMPA, NDSS 2013).
"""

from math import log

from detector.mail.content import Content
from detector.verdict.odds import bounded, calibrated
from detector.verdict.verdict import Evidence, Group, GroupScore

# At most so large a share of honest mail has a text in common with some suspicious account; each further accomplice is
# as unlikely again.
SHARED_BY_CHANCE = 0.05


def weigh_campaign(content: Content | None) -> GroupScore:
    """No accomplice says nothing: most thieves work with one account after the other."""
    if content is None or content.accomplices <= 0.0:
        return GroupScore(Group.CAMPAIGN, 0.0, ())
    nats = bounded(calibrated(-log(SHARED_BY_CHANCE) * content.accomplices))
    evidence = Evidence(Group.CAMPAIGN, "accomplices", content.accomplices, 0.0, nats)
    return GroupScore(Group.CAMPAIGN, nats, (evidence,))
