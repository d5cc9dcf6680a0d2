"""A verdict in words for operators: what speaks against the account, then the sum."""

from math import ceil

from detector.verdict.verdict import Evidence, Verdict

NOTABLE = 0.5  # nats
WORDS = {
    "recipients_10m": "recipients in 10 minutes",
    "recipients_2h": "recipients in 2 hours",
    "recipients_24h": "recipients in 24 hours",
    "new_recipients_10m": "first-time recipients in 10 minutes",
    "new_recipients_24h": "first-time recipients in 24 hours",
    "new_recipients_7d": "first-time recipients in 7 days",
    "automatic_recipients_2h": "recipients of automatic mail in 2 hours",
    "automatic_recipients_24h": "recipients of automatic mail in 24 hours",
    "refused_24h": "recipients refused by the next hop in 24 hours",
    "automatic_refused_24h": "recipients of automatic mail refused by the next hop in 24 hours",
    "unwanted_24h": "recipients whose servers turned the mail away as spam, or who complained, in 24 hours",
    "automatic_unwanted_24h": "recipients of automatic mail who did not want it in 24 hours",
    "same_text_24h": "recipients of one text in 24 hours",
    "copies_24h": "messages with one text in 24 hours",
    "domains_1d": "domains of recipients in a day",
    "ascending_new_recipients": "first-time recipients in alphabetical order",
    "to_strangers_in_a_row": "messages in a row to nobody that this account knew",
    "networks_1h": "networks within an hour",
    "accomplices": "other suspicious accounts that lately sent the same text or led to the same place",
}
WITHOUT_NUMBER = {
    "unseen_network": "mail from a network where this account has no habit of being",
    "unseen_program": "a mail program that this account has no habit of using",
    "unseen_client": "a network and a mail program that are both new to this account",
    "unseen_reverse_path": "a reverse-path (MAIL FROM) that this account has no habit of using",
    "unseen_author": "an author (From) that this account has no habit of being",
    "reads_like_abuse": "a text that reads like abuse, compared with clean ones",
    "texts_before": "other texts of this account lately read like abuse",
}


def explain(verdict: Verdict) -> list[str]:
    """One line for each notable signal, the weightiest first; one for the rest; last the groups and their sum.

    Numbers in brackets are weights of evidence in nats. A signal's weight is its own: inside the group bulk the
    mean of the e-values counts, so the group's weight is smaller than the sum of its signals.
    """
    evidence = [one for group in verdict.groups for one in group.evidence]
    notable = sorted((one for one in evidence if one.nats >= NOTABLE), key=lambda one: -one.nats)
    lines = [f"{_words(one)} ({one.nats:+.1f})" for one in notable]
    if silent := len(evidence) - len(notable):
        lines.append(f"{silent} {'other ' if notable else ''}signal{'s are' if silent > 1 else ' is'} as usual")
    groups = ", ".join(f"{group.group} {group.nats:+.1f}" for group in verdict.groups)
    return [*lines, f"{groups}: {verdict.score:+.1f} in all"]


def _words(evidence: Evidence) -> str:
    if evidence.signal in WITHOUT_NUMBER:
        return WITHOUT_NUMBER[evidence.signal]
    words = WORDS.get(evidence.signal, evidence.signal)
    return f"{evidence.value:.0f} {words}; usual for this account: at most {ceil(evidence.expected)}"
