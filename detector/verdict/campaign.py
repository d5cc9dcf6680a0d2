"""Group campaign: other accounts that are suspicious themselves lately sent the same text, or lead to the same place.

Honest accounts share texts too: templates of a provider, invoice software, vacation notes. So only accomplices count
that are suspicious by their other evidence (COMPA, NDSS 2013).
"""

from math import log

from detector.mail.content import Content
from detector.traffic.campaign import SUSPICIOUS_BY_CHANCE
from detector.verdict.feedback import convicting
from detector.verdict.odds import bounded, calibrated
from detector.verdict.verdict import CAMPAIGN, Evidence, GroupScore, Verdict

SUSPICIOUS = 2.0  # nats of evidence without this group: such an account may be an accomplice


def weigh_campaign(content: Content | None) -> GroupScore:
    """Each accomplice is one more honest account that must be suspicious by chance. No accomplice says nothing."""
    if content is None or content.accomplices <= 0.0:
        return GroupScore(CAMPAIGN, 0.0, ())
    nats = bounded(calibrated(-log(SUSPICIOUS_BY_CHANCE) * content.accomplices))
    evidence = Evidence(CAMPAIGN, "accomplices", content.accomplices, 0.0, nats)
    return GroupScore(CAMPAIGN, nats, (evidence,))


def suspicious(verdict: Verdict) -> bool:
    """Whether the account counts as an accomplice for others that send the same.

    What cannot convict the account itself must not convict others by way of it.
    """
    sure = convicting(verdict.groups)
    score = verdict.score if sure is verdict.groups else sum([group.nats for group in sure])
    return score - sum([group.nats for group in sure if group.group is CAMPAIGN]) >= SUSPICIOUS
