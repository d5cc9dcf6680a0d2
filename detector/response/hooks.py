"""Tells operators, or their systems, what happens: by a program or by a signed request."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from detector.incident.incident import Incident
from detector.ports import Hook
from detector.response.command import Command
from detector.response.http import Endpoint

Redaction = Literal["none", "account", "account-and-evidence"]


@dataclass(frozen=True, slots=True)
class Target:
    """A hook, what may leave the host on its way, and how long (seconds) events are gathered for a summary."""

    hook: Hook
    redaction: Redaction
    group_wait: float = 0.0


@dataclass(frozen=True, slots=True)
class Done:
    """A step of containment and what came of it: done, failed, skipped or waiting."""

    step: str
    result: str
    detail: str = ""


class CommandHook:
    """The event as JSON on a program's standard input, with its `request_id`."""

    def __init__(self, name: str, command: Command) -> None:
        self.name = name
        self._command = command

    def deliver(self, event: dict[str, object], request_id: str) -> str:
        self._command.run({**event, "request_id": request_id})
        return "told by command"

    def check(self) -> str:
        return f"hook {self.name}: {self._command.check()}"


class HttpHook:
    """The event as the JSON body of a signed request, with its `request_id`, which is the idempotency key as well."""

    def __init__(self, name: str, endpoint: Endpoint) -> None:
        self.name = name
        self._endpoint = endpoint

    def deliver(self, event: dict[str, object], request_id: str) -> str:
        self._endpoint.post({**event, "request_id": request_id}, request_id)
        return "told by HTTP"

    def check(self) -> str:
        return f"hook {self.name}: {self._endpoint.check()}"


@dataclass(frozen=True, slots=True)
class Story:
    """What can be told about an incident: itself, its evidence in words, the account's strikes, and what was done.

    `strikes` are those of the time for which they count; `reason` is why a person is asked, empty when nobody is.
    """

    incident: Incident
    evidence: Sequence[str]
    strikes: int
    done: Sequence[Done]
    reason: str = ""


def event_document(kind: str, story: Story, redaction: Redaction, now: float) -> dict[str, object]:
    """What a hook is told about an incident. Never a recipient address, never a password.

    `none` leaves the case number, times, state, score, strikes, reason and results of steps; `account` adds the
    account and the words of the steps; `account-and-evidence` adds the evidence in words and the facts, also the
    client's address.
    """
    incident = story.incident
    event: dict[str, object] = {
        "event": kind,
        "incident": incident.incident_id,
        "time": moment(now),
        "opened_at": moment(incident.opened_at),
        "changed_at": moment(incident.changed_at),
        "state": incident.state.value,
        "identity_trusted": incident.trusted,
        "score": round(incident.verdict.score, 2),
        "strikes": story.strikes,
        "done": [_told(done, redaction) for done in story.done],
    }
    if story.reason:
        event["reason"] = story.reason
    if redaction != "none":
        event["account"] = incident.account
    if redaction == "account-and-evidence":
        event["evidence"] = list(story.evidence)
        event["facts"] = dict(incident.facts)
    return event


def _told(done: Done, redaction: Redaction) -> Mapping[str, str]:
    told = {"step": done.step, "result": done.result}
    return told if redaction == "none" else {**told, "detail": done.detail}


def moment(seconds: float) -> str:
    """A time in Unix seconds as ISO 8601 writes it, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
