import re
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from detector.config import AlertmanagerAction, ConfigError
from detector.ports import Refused, Secret, Temporary
from detector.response.alertmanager import AlertmanagerHook, alerts_of
from detector.response.hooks import Done, Redaction, Story, event_document
from tests.support.alertmanager import Alertmanager, alertmanager
from tests.support.packages import need
from tests.support.ports import PATIENCE
from tests.support.response import incident

NOW = 4_000_000_000.0  # far ahead: a real Alertmanager forgets what ended in the past
STORY = Story(replace(incident(), opened_at=NOW - 2.0, changed_at=NOW - 2.0), ["480 recipients, usual 3"], 2, [])
FAILED = replace(STORY, done=[Done("change_password", "failed", "no user"), Done("end_sessions", "done")])


def event(kind: str, story: Story = STORY, redaction: Redaction = "account", **more: object) -> dict[str, object]:
    return {**event_document(kind, story, redaction, NOW), **more}


def told(document: dict[str, object]) -> list[tuple[object, bool]]:
    """The labels of the alerts, and whether they end now."""
    return [(alert["labels"], alert["endsAt"] == document["time"]) for alert in alerts_of(document)]


def labels(name: str, severity: str, **more: str) -> dict[str, str]:
    return {"alertname": name, "severity": severity, **more, "incident": "i-1", "account": "ann@example.org"}


def test_an_incident_is_one_alert_from_beginning_to_end() -> None:
    hijacked = labels("AccountHijacked", "warning")
    undecided = labels("AccountNeedsDecision", "critical")
    assert told(event("incident.opened")) == [(hijacked, False)]
    assert told(event("incident.contained")) == [(undecided, True), (hijacked, False)]
    assert told(event("incident.closed")) == [(hijacked, True), (undecided, True)]


def test_what_needs_a_person_is_critical() -> None:
    assert told(event("incident.needs_confirmation")) == [(labels("AccountNeedsDecision", "critical"), False)]
    assert told(event("incident.waiting", count=2)) == [(labels("AccountNeedsDecision", "critical"), False)]
    failed = labels("ContainmentStepFailed", "critical", step="change_password")
    assert told(event("incident.step_failed", FAILED, step="change_password")) == [(failed, False)]
    assert (failed, True) in told(event("incident.closed", FAILED))


def test_nothing_is_said_that_the_target_may_not_hear() -> None:
    assert "ann@" not in repr(list(alerts_of(event("incident.opened", FAILED, "none"))))
    assert "192.0.2.77" not in repr(list(alerts_of(event("incident.opened", FAILED, "account"))))
    evidence = list(alerts_of(event("incident.opened", FAILED, "account-and-evidence")))
    assert "480 recipients, usual 3" in repr(evidence)


def test_what_is_about_no_incident_has_an_alert_of_its_own() -> None:
    document: dict[str, object] = {"event": "breaker.open", "time": "2096-10-02T07:06:40Z", "changes": 20}
    assert told(document) == [({"alertname": "ContainmentBreakerOpen", "severity": "critical"}, False)]
    frozen = {"alertname": "ContainmentFrozen", "severity": "warning"}
    assert told(document | {"event": "response.frozen"}) == [(frozen, False)]
    assert told(document | {"event": "response.unfrozen"}) == [(frozen, True)]
    other = {"alertname": "DetectorEvent", "severity": "warning", "event": "something.new"}
    assert told(document | {"event": "something.new"}) == [(other, False)]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alertmanager]:
    need("prometheus-alertmanager")
    with alertmanager(tmp_path_factory.mktemp("alertmanager")) as server:
        yield server


def hook(url: str, token: Secret | None = None) -> AlertmanagerHook:
    return AlertmanagerHook("pager", AlertmanagerAction(provider="alertmanager", url=url, timeout=5.0), token)


@pytest.mark.debian("prometheus-alertmanager")
def test_a_real_alertmanager_takes_the_alerts_and_ends_them(server: Alertmanager) -> None:
    pager = hook(server.url)
    assert re.fullmatch(rf"hook pager: Alertmanager [\d.]+\S* at {server.url}", pager.check())
    for _ in range(2):  # told twice is one alert
        assert pager.deliver(event("incident.opened"), "i-1.incident.opened") == "told to Alertmanager"
    pager.deliver(event("incident.needs_confirmation"), "")
    pager.deliver(event("incident.step_failed", FAILED, step="change_password"), "")
    names = sorted(alert["labels"]["alertname"] for alert in server.alerts())
    assert names == ["AccountHijacked", "AccountNeedsDecision", "ContainmentStepFailed"]
    described = server.alerts(filter='alertname="AccountHijacked"')[0]["annotations"]
    assert described["summary"] == "ann@example.org: blocked: it sends as if hijacked"
    over = event("incident.closed", FAILED)
    past = {**over, "time": "2023-11-14T22:13:20Z", "opened_at": "2023-11-14T22:13:18Z"}
    pager.deliver(past, "i-1.incident.closed")
    assert server.alerts() == []


class Proxy:
    """Answers what it is told to; keeps the headers."""

    def __init__(self) -> None:
        self.status = 401
        self.headers: dict[str, str] = {}
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                proxy.headers = dict(self.headers)
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(proxy.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)


def test_a_token_opens_a_proxy_before_it(tmp_path: Path) -> None:
    proxy = Proxy()
    thread = Thread(target=proxy.server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    pager = hook(f"http://127.0.0.1:{proxy.server.server_address[1]}", Secret("s3cret"))
    with pytest.raises(Refused, match="401: the token is not accepted") as caught:
        pager.deliver(event("incident.opened"), "")
    assert "s3cret" not in str(caught.value)
    proxy.status = 503
    with pytest.raises(Temporary, match="answered 503"):
        pager.deliver(event("incident.opened"), "")
    proxy.status = 400
    with pytest.raises(Refused, match="answered 400"):
        pager.deliver(event("incident.opened"), "")
    proxy.status = 200
    pager.deliver(event("incident.opened"), "")
    assert proxy.headers["Authorization"] == "Bearer s3cret"
    proxy.server.shutdown()
    thread.join(PATIENCE)
    proxy.server.server_close()
    with pytest.raises(ConfigError, match=r"hook pager: 127\.0\.0\.1 cannot be asked"):
        pager.check()
