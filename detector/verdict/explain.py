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
    "ascending_new_recipients": "first-time recipients in alphabetical order, one after the other",
    "to_strangers_in_a_row": "messages to nobody but strangers, one after the other",
    "domains_1d": "domains among the recipients of the day",
    "same_text_24h": "recipients of the same text in 24 hours",
    "copies_24h": "messages with the same text in 24 hours",
    "automatic_recipients_2h": "recipients of automatic mail in 2 hours",
    "automatic_recipients_24h": "recipients of automatic mail in 24 hours",
    "refused_24h": "recipients refused by the next hop in 24 hours",
    "automatic_refused_24h": "recipients of automatic mail refused by the next hop in 24 hours",
    "unwanted_24h": "recipients in 24 hours for whom the mail was turned away as spam, or complained of",
    "automatic_unwanted_24h": "recipients of automatic mail in 24 hours for whom it was turned away as spam",
    "to_complainers_24h": "mail in 24 hours to {whole} recipient{s} who had complained of mail of this account",
    "doubtful_24h": "bad answers in 24 hours by which nobody is blocked: only reported, or refused for now",
    "networks_1h": "networks within an hour",
    "reads_like_abuse": "reads like abuse: only {value:.2g} of 1000 clean messages read as badly",
    "accomplices": "the same text or link from {whole} other suspicious account{s}",
}
WITHOUT_NUMBER = {
    "unseen_client": "mail from a network and by a mail program that this account has no habit of using",
    "unseen_network": "mail from a network where this account has no habit of being",
    "unseen_program": "mail by a mail program that this account has no habit of using",
    "unseen_reverse_path": "a reverse-path (MAIL FROM) that this account has no habit of using",
    "unseen_author": "an author (From) that this account has no habit of naming",
    "built_like_abuse": "built as abuse often is: a form, only a picture, a misleading link, a program attached",
    "texts_before": "earlier texts of the last day read like abuse",
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
    if "{" in words:  # a sentence of its own; what is old, or may be chance, counts for less than a whole
        whole = ceil(evidence.value)
        return words.format(value=evidence.value, whole=whole, s="" if whole == 1 else "s")
    return f"{evidence.value:.0f} {words}; usual for this account: at most {ceil(evidence.expected)}"
