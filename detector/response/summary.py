"""What is told of many incidents at once: how many, how they stand, and what they share."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from detector.incident.incident import Event, Incident, State
from detector.records.entries import TimelineEntry
from detector.records.telling import Happened
from detector.response.hooks import Redaction, moment
from detector.verdict.explain import NOTABLE
from detector.verdict.verdict import Group

SUMMARY = "incidents.summary"
NAMED = 20
"""Incidents, and accounts, that are named; of the others there is the number only."""

SHARED = 5
TOLD = frozenset({"opened", Event.APPROVAL_NEEDED, Event.STEPS_DONE, Event.DISMISS, Event.RELEASE, Event.SELF_RELEASE})
"""Entries of the timeline that operators hear of, beside failed steps and reminders."""

STATES = {
    State.OPEN: "being contained",
    State.PENDING: "waiting for a person",
    State.CONTAINED: "contained",
    State.CONFIRMED: "confirmed",
    State.CLOSED: "closed",
}


def news_of(happened: Happened) -> Mapping[int, TimelineEntry]:
    """The entries that operators hear of, by their numbers."""
    return {
        number: entry
        for number, entry in happened.entries.items()
        if entry.event in TOLD or _is_failure(entry) or _is_reminder(entry)
    }


def summary_document(happened: Sequence[Happened], redaction: Redaction, now: float) -> dict[str, object]:
    """What a hook is told. The redaction is that of `event_document`; numbers of incidents are nobody's data.

    `happened` is not empty.
    """
    incidents = [one.incident for one in happened]
    since = min(entry.at for one in happened for entry in (news_of(one) or one.entries).values())
    states = _counted(STATES[incident.state] for incident in incidents)
    document: dict[str, object] = {
        "event": SUMMARY,
        "title": _title(len(incidents), since, states),
        "time": moment(now),
        "since": moment(since),
        "count": len(incidents),
        "states": states,
        "failed_steps": _counted(
            entry.event.partition(": ")[0] for one in happened for entry in one.entries.values() if _is_failure(entry)
        ),
        "campaign": sum(_in_campaign(incident) for incident in incidents),
        "incidents": [incident.incident_id for incident in incidents[:NAMED]],
    }
    if redaction != "none":
        document["accounts"] = [incident.account for incident in incidents[:NAMED]]
    if redaction == "account-and-evidence":
        document["shared"] = _shared(incidents)
    return document


def _title(count: int, since: float, states: Mapping[str, int]) -> str:
    stand = ", ".join(f"{number} {state}" for state, number in states.items())
    return f"{count} incidents since {moment(since)[11:16]} UTC: {stand}"


def _shared(incidents: Sequence[Incident]) -> list[str]:
    """The signals that speak against at least half of the accounts, the most common first."""
    signals = Counter(
        signal
        for incident in incidents
        for signal in {e.signal for score in incident.verdict.groups for e in score.evidence if e.nats >= NOTABLE}
    )
    common = [(signal, number) for signal, number in signals.most_common(SHARED) if 2 * number >= len(incidents)]
    return [f"{number} of {len(incidents)}: {signal}" for signal, number in common]


def _in_campaign(incident: Incident) -> bool:
    """Whether others that are suspicious sent the same text or link."""
    return any(score.group is Group.CAMPAIGN and score.nats >= NOTABLE for score in incident.verdict.groups)


def _counted(words: Iterable[str]) -> dict[str, int]:
    return dict(Counter(words).most_common())


def _is_failure(entry: TimelineEntry) -> bool:
    return entry.event.endswith(": failed")


def _is_reminder(entry: TimelineEntry) -> bool:
    return entry.event.startswith("waiting: ")
