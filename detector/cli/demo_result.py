"""What came of the demo: figures, proofs, and whether it went as it must."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from email import message_from_bytes, policy

import bcrypt

from detector.cli.demo_sink import Arrived, Sink
from detector.cli.demo_stage import Stage
from detector.cli.demo_submission import Fate, Queued, Submission
from detector.cli.demo_world import CUSTOMERS, VICTIM
from detector.incident.incident import Incident
from detector.ports import Secret
from detector.records.records import Records, TimelineEntry
from detector.verdict.explain import explain


@dataclass(frozen=True, slots=True)
class Other:
    """How the hijack was for another customer; `longest_wait` in seconds from submission to delivery."""

    account: str
    messages: int
    recipients: int
    passed: int
    paced_for_a_while: int
    refused: int
    waiting: int
    longest_wait: float


@dataclass(slots=True)
class Result:
    """Times are in seconds; those of an event that did not happen are None."""

    account: str
    stolen_messages: int
    stolen_recipients: int
    escaped: int
    refused: int
    kept_back: int
    held: int = 0
    asked_before_verdict: int | None = None
    seconds_to_block: float | None = None
    seconds_to_password: float | None = None
    seconds_to_notice: float | None = None
    score: float | None = None
    password_before: str = ""
    password_after: str = ""
    stolen_password_works: bool = True
    notice_to: str = ""
    notice: str = ""
    alert: dict[str, object] = field(default_factory=dict)
    explanation: list[str] = field(default_factory=list)
    others: list[Other] = field(default_factory=list)
    incidents: int = 0
    arrived_as_told: bool = False
    problems: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        return not self.problems


def collect(stage: Stage, submission: Submission, sink: Sink, records: Records, password_before: str) -> Result:
    """From what the submission server, the next hop, the files and the records say, each by itself."""
    mine = [message for message in submission.messages(VICTIM.account) if message.letter.stolen]
    fates = Counter(fate for message in mine for fate in message.fates.values())
    result = Result(
        account=VICTIM.account,
        stolen_messages=len(mine),
        stolen_recipients=fates.total(),
        escaped=fates[Fate.PASSED],
        refused=fates[Fate.REFUSED],
        held=fates[Fate.HELD],
        kept_back=fates[Fate.PACED] + fates[Fate.STOPPED] + fates[Fate.WAITING],
        password_before=password_before,
        password_after=stage.password_entry(VICTIM.account),
        stolen_password_works=_opens(stage.stolen, stage.password_entry(VICTIM.account)),
        others=[_other(one.account, submission.messages(one.account)) for one in CUSTOMERS if one is not VICTIM],
        incidents=len(records.incidents()),
        arrived_as_told=_arrived_as_told(submission, sink.arrived),
    )
    for incident in records.incidents(account=VICTIM.account, limit=1):
        _add_incident(result, incident, records.timeline(incident.incident_id), mine)
    for notice in sink.arrived:
        if notice.recipients == (VICTIM.contact,) and not notice.mail_from:
            result.notice_to, result.notice = VICTIM.contact, _text(notice)
    result.alert = next(reversed(alerts(stage)), {})
    result.problems = list(_problems(result))
    return result


def alerts(stage: Stage) -> list[dict[str, object]]:
    """What the operators' program was told, oldest first."""
    if not stage.alerts.exists():
        return []
    return [json.loads(line) for line in stage.alerts.read_text("utf-8").splitlines() if line]


def _opens(password: Secret, entry: str) -> bool:
    """As Dovecot would compare them."""
    return bcrypt.checkpw(password.text.encode(), entry.removeprefix("{BLF-CRYPT}").encode())


def _add_incident(
    result: Result, incident: Incident, timeline: Sequence[TimelineEntry], stolen: Sequence[Queued]
) -> None:
    began_at = min(message.submitted_at for message in stolen)
    asked = [at for message in stolen for at in message.asked_at.values()]
    done = {told.event: told.at - incident.opened_at for told in timeline}
    result.score = incident.verdict.score
    result.seconds_to_block = incident.opened_at - began_at
    result.asked_before_verdict = sum(at <= incident.opened_at for at in asked)
    result.seconds_to_password = done.get("change_password: done")
    result.seconds_to_notice = done.get("notify_customer: done")
    result.explanation = explain(incident.verdict)


def _other(account: str, messages: Sequence[Queued]) -> Other:
    fates = Counter(fate for message in messages for fate in message.fates.values())
    waits = [at - message.submitted_at for message in messages for at in message.passed_at.values()]
    return Other(
        account=account,
        messages=len(messages),
        recipients=fates.total(),
        passed=fates[Fate.PASSED],
        paced_for_a_while=sum(len(message.was_paced) for message in messages),
        refused=fates[Fate.REFUSED],
        waiting=fates.total() - fates[Fate.PASSED] - fates[Fate.REFUSED],
        longest_wait=max(waits, default=0.0),
    )


def _arrived_as_told(submission: Submission, arrived: Sequence[Arrived]) -> bool:
    """Whether the next hop has exactly what the submission server believes to be delivered: none lost, none twice."""
    told = Counter(
        (account.account, recipient)
        for account in CUSTOMERS
        for message in submission.messages(account.account)
        for recipient, fate in message.fates.items()
        if fate is Fate.PASSED
    )
    there = Counter((one.mail_from, recipient) for one in arrived if one.mail_from for recipient in one.recipients)
    return told == there


def _text(notice: Arrived) -> str:
    message = message_from_bytes(notice.content, policy=policy.default)
    head = "".join(f"{name}: {message[name]}\n" for name in ("From", "To", "Subject", "Auto-Submitted"))
    body = message.get_body(("plain",))
    return f"{head}\n{body.get_content() if body is not None else ''}"


def _problems(result: Result) -> list[str]:
    hurt = [one.account for one in result.others if one.waiting or one.refused or one.passed != one.recipients]
    checks = {
        "the hijacked account was not blocked": result.seconds_to_block is not None,
        "its password was not changed": not result.stolen_password_works,
        "the customer was not told": bool(result.notice),
        "the operators were not told": bool(result.alert),
        f"other customers were hurt: {', '.join(hurt)}": not hurt,
        f"there are {result.incidents} incidents, not 1": result.incidents == 1,
        "the next hop has other mail than it should": result.arrived_as_told,
    }
    return [problem for problem, fine in checks.items() if not fine]
