"""Tells operators by an Alertmanager of Prometheus: one alert for what goes on, which ends when the incident is closed.

API: https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml, POST /alerts. An alert is what its labels
are, so the same labels again are the same alert, however often it is posted.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import cast

from detector.config import AlertmanagerAction, ConfigError
from detector.ports import Secret
from detector.response.api import Api
from detector.response.event_text import text_of

Labels = dict[str, str]

HIJACKED = {"alertname": "AccountHijacked", "severity": "warning"}
UNDECIDED = {"alertname": "AccountNeedsDecision", "severity": "critical"}
FAILED = {"alertname": "ContainmentStepFailed", "severity": "critical"}
BREAKER = {"alertname": "ContainmentBreakerOpen", "severity": "critical"}
ADDRESS = {"alertname": "OwnAddressBlocked", "severity": "critical"}
FROZEN = {"alertname": "ContainmentFrozen", "severity": "warning"}
OTHER = {"alertname": "DetectorEvent", "severity": "warning"}

FIRES = {
    "incident.opened": HIJACKED,
    "incident.contained": HIJACKED,
    "incident.needs_confirmation": UNDECIDED,
    "incident.waiting": UNDECIDED,
    "incident.step_failed": FAILED,
    "breaker.open": BREAKER,
    "breaker.waiting": BREAKER,
    "address.blocked": ADDRESS,
    "response.frozen": FROZEN,
}
ENDS = {
    "incident.contained": (UNDECIDED,),
    "incident.closed": (HIJACKED, UNDECIDED, FAILED),
    "response.unfrozen": (FROZEN,),
}

# Alertmanager ends an alert by itself that nobody repeats. Ours are posted once, so they say when they end if nothing
# more is heard: an incident is decided within weeks, and a breaker that stays open is told again.
INCIDENT_LASTS = timedelta(days=30)
OTHERS_LAST = timedelta(days=1)


class AlertmanagerHook:
    """Posts alerts with the labels `alertname`, `severity`, `incident` and, as far as the event says it, `account`."""

    def __init__(self, name: str, settings: AlertmanagerAction, token: Secret | None) -> None:
        """Raises `ConfigError` when the file of certificates cannot be read."""
        self.name = name
        headers = {} if token is None else {"Authorization": f"Bearer {token.text}"}
        self._api = Api(settings, "token", token or Secret(""), headers)

    def deliver(self, event: dict[str, object], request_id: str) -> str:  # noqa: ARG002 - the labels are the key
        """Raises `Temporary` or `Refused`."""
        answer = self._api.ask("POST", "/api/v2/alerts", list(alerts_of(event)))
        if answer.status >= 300:
            raise self._api.refused(answer, answer.document)
        return "told to Alertmanager"

    def check(self) -> str:
        """Ask for its version. Raises `ConfigError`."""
        try:
            answer = self._api.check("/api/v2/status", "versionInfo")
        except ConfigError as error:
            msg = f"hook {self.name}: {error}"
            raise ConfigError(msg) from error
        return f"hook {self.name}: Alertmanager {answer.field('versionInfo', 'version')} at {self._api.url}"


def alerts_of(event: Mapping[str, object]) -> Iterator[dict[str, object]]:
    """The alerts that an event begins or goes on with, and those that it ends."""
    kind = str(event["event"])
    now = _moment(event["time"])
    text = text_of(event)
    told: dict[str, object] = {
        "startsAt": _written(min(now, _moment(event.get("opened_at", event["time"])))),
        "annotations": {"summary": text.title, "description": text.body},
    }
    ended = [labels for labels in ENDS.get(kind, ()) if labels is not FAILED]
    ended += [{**FAILED, "step": step} for step in _failed_steps(event) if FAILED in ENDS.get(kind, ())]
    for labels in ended:
        yield {**told, "labels": _all_labels(labels, event), "endsAt": _written(now)}
    if kind in FIRES or not ended:
        labels = FIRES.get(kind, {**OTHER, "event": kind})
        if labels is FAILED:
            labels = {**FAILED, "step": str(event.get("step", ""))}
        lasts = INCIDENT_LASTS if "incident" in event else OTHERS_LAST
        yield {**told, "labels": _all_labels(labels, event), "endsAt": _written(now + lasts)}


def _all_labels(labels: Labels, event: Mapping[str, object]) -> Labels:
    return labels | {name: str(event[name]) for name in ("incident", "account") if name in event}


def _failed_steps(event: Mapping[str, object]) -> list[str]:
    done = cast("list[Mapping[str, str]]", event.get("done", []))
    return [step["step"] for step in done if step["result"] == "failed"]


def _moment(time: object) -> datetime:
    return datetime.fromisoformat(str(time))


def _written(time: datetime) -> str:
    return time.isoformat(timespec="seconds").replace("+00:00", "Z")
