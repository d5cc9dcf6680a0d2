"""An event in words, for people: the title and the text of a message. It says what the redacted event says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

TITLES = {
    "incident.opened": "blocked: it sends as if hijacked",
    "incident.contained": "contained, a person must decide: was it abuse?",
    "incident.needs_confirmation": "blocked, and nothing more until a person confirms",
    "incident.step_failed": "a step of the containment failed: it must be done by hand",
    "incident.waiting": "still waits for a decision",
    "incident.closed": "closed, the account may send again",
    "account.termination_proposed": "so many strikes that the policy proposes to end the service: a person must decide",
    "breaker.open": "Too many passwords were changed: nothing more until a person confirms",
    "breaker.waiting": "Passwords are still not changed: a person must confirm",
    "address.blocked": "Other servers turn our mail away because of our own address",
    "response.frozen": "Containments are frozen",
    "response.unfrozen": "Containments go on again",
}
TOLD_APART = frozenset({"event", "incident", "account", "time", "opened_at", "changed_at", "done", "evidence", "facts"})
WORDS = {
    "identity_trusted": "identity trusted",
    "failed_steps": "failed steps",
    "accounts_affected": "accounts affected",
    "only_reported": "recipients known only by bounces that came as mail, which others can forge",
}


@dataclass(frozen=True, slots=True)
class Text:
    """Plain text; `body` has lines, `title` is one."""

    title: str
    body: str


def text_of(event: Mapping[str, object]) -> Text:
    """What to tell of an event of `hooks.event_document`, `summary.summary_document` or `announcements`."""
    kind = str(event["event"])
    words = str(event.get("title") or TITLES.get(kind, kind))
    incident = event.get("incident")
    if incident is None:
        return Text(words, "\n".join(_facts(event)))
    who = event.get("account") or f"incident {incident}"
    lines = [
        f"Incident {incident}, opened {event.get('opened_at')}.",
        *_facts(event),
        *_listed("Done", [_step(done) for done in _dicts(event.get("done"))]),
        *_listed("Evidence", _texts(event.get("evidence"))),
        *_listed("Facts", [f"{name}: {value}" for name, value in _pairs(event.get("facts"))]),
        f"More: detector incidents show {incident}",
    ]
    return Text(f"{who}: {words}", "\n".join(lines))


def _facts(event: Mapping[str, object]) -> list[str]:
    """The rest of the event, as it stands there."""
    named = [(name, value) for name, value in event.items() if name not in TOLD_APART | {"title"}]
    return [f"{WORDS.get(name, name).capitalize()}: {_value(value)}" for name, value in named]


def _value(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{number} {name}" for name, number in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _step(done: Mapping[str, object]) -> str:
    return ": ".join(str(word) for name in ("step", "result", "detail") if (word := done.get(name)))


def _listed(heading: str, entries: Sequence[str]) -> list[str]:
    return [f"{heading}:", *(f"- {entry}" for entry in entries)] if entries else []


def _dicts(value: object) -> list[Mapping[str, object]]:
    return [entry for entry in value if isinstance(entry, Mapping)] if isinstance(value, list) else []


def _texts(value: object) -> list[str]:
    return [str(entry) for entry in value] if isinstance(value, list) else []


def _pairs(value: object) -> list[tuple[object, object]]:
    return list(value.items()) if isinstance(value, Mapping) else []
