"""A real Prometheus scrapes a real relay under load: mail that passes, is held, is refused, and a hijacked account.

Every panel of every dashboard must have something to show then, and every rule must be understood.
"""

import os
import re
import signal
import smtplib
import socket
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.alertmanager import Alertmanager, alertmanager
from tests.support.certificates import make_certificate
from tests.support.dashboards import DASHBOARDS
from tests.support.detector_process import DetectorProcess, Settings, merged
from tests.support.grafana import Dashboard, queries
from tests.support.hijack import OFFER
from tests.support.packages import PROVES
from tests.support.ports import HOST, PATIENCE, wait_for
from tests.support.prometheus import Prometheus, prometheus
from tests.support.smtp_sink import SmtpSink
from tests.support.valkey import Valkey

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.debian("prometheus", "prometheus-alertmanager", "redis-server"),
]

CLEAN, DOUBTFUL, THIEF = "ann@example.org", "club@example.org", "nora@example.org"
BOUNCE = (
    "Nov 22 10:00:00 out postfix/smtp[77]: 4ABC: to=<{}>, relay=mx.example.net[192.0.2.25]:25, delay=1, "
    "delays=0/0/0/1, dsn=5.1.1, status=bounced (host mx.example.net[192.0.2.25] said: 550 5.1.1 No such user)\n"
)
QUESTION = f"request=smtpd_access_policy\nprotocol_state=END-OF-MESSAGE\nqueue_id=4XYZ\nsasl_username={CLEAN}\n\n"
REPLIES = (
    ("RCPT", "nobody", "550 5.1.1 No such user"),
    ("RCPT", "listed", "554 5.7.1 Service unavailable; client [192.0.2.7] blocked using zen.spamhaus.org"),
    ("END", "bert", "250 2.0.0 Ok: queued as 4ABC"),
)
ROUTES = (Path(__file__).parents[2] / "deploy" / "alertmanager" / "alertmanager.yml").read_text("utf-8")


@dataclass(frozen=True, slots=True)
class House:
    """All of it, after the load."""

    detector: DetectorProcess
    prometheus: Prometheus
    alertmanager: Alertmanager


def settings(directory: Path) -> Settings:
    certificate = make_certificate(directory, "hop.example")
    customers = directory / "customers.csv"
    customers.write_text(f"account,address,name\n{THIEF},nora.at.work@example.com,Nora\n", "utf-8")
    command = {"provider": "command", "argv": ["/bin/true"]}
    (directory / "outbound.log").touch()
    return {
        "identity": [{"source": "xclient"}, {"source": "policy-service"}],
        "relay": {
            "xclient_clients": [HOST],
            "tls": {"mode": "may", "certificate": str(certificate.path), "key": str(certificate.key_path)},
        },
        "judging": {"hold_score": 3.0, "block_score": 8.0},
        "feedback": {"logs": [{"source": "file", "mta": "postfix", "path": str(directory / "outbound.log")}]},
        "response": {
            "password": command,
            "sessions": command,
            "directory": {"provider": "csv", "path": str(customers)},
            "notice": {"sender": "abuse@example.org"},
            "retry": {"first_wait": 0.1, "attempts": 2},
            "hooks": [
                {"name": "deaf", "action": {"provider": "command", "argv": ["/bin/false"]}},
                {"name": "desk", "action": command},
            ],
        },
    }


@contextmanager
def session(detector: DetectorProcess, login: str) -> Iterator[smtplib.SMTP]:
    with smtplib.SMTP(HOST, detector.port, timeout=PATIENCE) as client:
        client.ehlo("pc.example")
        client.docmd(f"XCLIENT LOGIN={login}")
        client.ehlo("pc.example")
        yield client


def write(detector: DetectorProcess, login: str, recipients: list[str], text: str) -> None:
    """Whatever the answer is."""
    with suppress(smtplib.SMTPException), session(detector, login) as client:
        client.sendmail(login, recipients, f"From: {login}\r\nSubject: {text[:20]}\r\n\r\n{text}\r\n")


def blast(detector: DetectorProcess) -> None:
    for number in range(40):
        names = [f"{'nobody' if i % 3 == 0 else 'target'}-{number}-{i}@victims-{i}.example" for i in range(15)]
        write(detector, THIEF, names, f"{OFFER} Ticket {number}!")
        if detector.metrics().get("detector_blocked_accounts"):
            return


def load(detector: DetectorProcess, outbound_log: Path) -> None:
    """Some of everything, and a mistake in the configuration."""
    with socket.create_connection((HOST, detector.policy_port), timeout=PATIENCE) as postfix:
        postfix.sendall(QUESTION.encode())
        assert postfix.recv(512).startswith(b"action=")
    for number in range(5):
        write(detector, CLEAN, ["bert@example.net", "listed@example.net"], f"See you on Friday at {number}.")
    with outbound_log.open("a") as outbound:
        outbound.write(BOUNCE.format("bert@example.net"))
    write(detector, DOUBTFUL, [f"member-{i}@town-{i}.example" for i in range(19)], OFFER)
    blast(detector)
    detector.path.write_text(detector.path.read_text("utf-8") + "observe = 7\n", "utf-8")
    os.kill(detector.process_id, signal.SIGHUP)


def has_happened(detector: DetectorProcess) -> bool:
    """What takes its time: the bounce is read, the hook given up, the notice sent."""
    figures = detector.metrics()
    return figures["detector_config_last_reload_successful"] == 0 and all(
        figures.get(name, 0.0) > 0
        for name in (
            'detector_feedback_answers_total{kind="refused",tie="sure"}',
            'detector_hook_deliveries_total{result="failed"}',
            "detector_time_to_password_change_seconds_count",
            "detector_time_to_notice_seconds_count",
            "detector_held_bytes",
        )
    )


@pytest.fixture(scope="module")
def house(valkey_of_this_run: Valkey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """With two workers, whose figures are added up: one process alone tells the same and less."""
    directory = tmp_path_factory.mktemp("house")
    valkey_of_this_run.empty()
    two_workers = {"workers": 2, "state": {"url": valkey_of_this_run.url, "timeout": 20.0}}
    with ExitStack() as stack:
        sink = stack.enter_context(SmtpSink())
        for verb, part, reply in REPLIES:
            sink.answer(verb, part, reply)
        detector = DetectorProcess(directory / "detector", sink.port, merged(settings(directory), two_workers))
        pager = stack.enter_context(alertmanager(directory, ROUTES))
        target = f"{HOST}:{detector.metrics_port}"
        scraping = stack.enter_context(prometheus(directory, target, pager.url.removeprefix("http://")))
        stack.enter_context(detector)  # after Prometheus, which takes some seconds to look for its targets
        wait_for(lambda: bool(scraping.query("detector_workers == 2")), "the first scrape")
        load(detector, directory / "outbound.log")
        wait_for(lambda: has_happened(detector), "all has happened")
        newest = detector.metrics()["detector_clock_seconds"]
        wait_for(
            lambda: min(scraping.query("detector_clock_seconds offset 3s").values(), default=0) > newest,
            "Prometheus and its rules have seen all of it",
        )
        yield House(detector, scraping, pager)


def without_answer(house: House, asked: Iterable[str]) -> list[str]:
    """Those that have none in all the time: a scrape that is answered too late leaves a gap until the next one."""
    left = list(asked)

    def all_answered() -> bool:
        left[:] = [expr for expr in left if not house.prometheus.query(expr)]
        return not left

    with suppress(TimeoutError):
        wait_for(all_answered, "every question has an answer")
    return left


def test_prometheus_finds_nothing_to_say_about_a_real_scrape(house: House) -> None:
    page = httpx.get(f"http://{HOST}:{house.detector.metrics_port}/metrics", trust_env=False).content
    checked = subprocess.run([PROVES["prometheus"], "check", "metrics"], input=page, capture_output=True, check=False)
    assert (checked.stderr.decode(), checked.returncode) == ("", 0)


def test_a_real_scrape_is_small_and_says_nothing_about_anybody(house: House) -> None:
    accept = {"Accept": "application/openmetrics-text; version=1.0.0"}  # with exemplars, as Prometheus asks for it
    page = httpx.get(f"http://{HOST}:{house.detector.metrics_port}/metrics", headers=accept, trust_env=False).text
    samples = [line for line in page.splitlines() if not line.startswith("#")]
    assert 100 < len(samples) < 700  # buckets and all; it does not grow with accounts
    assert "# {incident=" in page
    assert not re.search("@|example|nora|bert|member|target|victims", "\n".join(samples))


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda dashboard: dashboard.uid)
def test_every_panel_has_something_to_show(house: House, dashboard: Dashboard) -> None:
    asked = list(queries(dashboard))
    assert len(asked) >= len(list(dashboard.panels)) > 10
    assert without_answer(house, [expr for _, expr in asked]) == []


def test_prometheus_understands_every_rule(house: House) -> None:
    def rules() -> list[dict[str, Any]]:
        return [rule for group in house.prometheus.ask("rules")["groups"] for rule in group["rules"]]

    def not_understood() -> list[tuple[str, str | None]]:
        return [(rule["name"], rule.get("lastError")) for rule in rules() if rule["health"] != "ok"]

    with suppress(
        TimeoutError
    ):  # on a busy machine one may not have been tried yet, or was given up for the time it took
        wait_for(lambda: not not_understood(), "all have been tried")
    assert not_understood() == []
    assert len(rules()) > 50
    recorded = {rule["name"] for rule in rules() if rule["type"] == "recording"}
    assert without_answer(house, recorded) == []


@pytest.mark.parametrize(
    "expr",
    [
        'detector_transactions_total{verdict="accept", outcome="accepted"}',
        'detector_transactions_total{verdict="hold", outcome="held"}',
        'detector_transactions_total{verdict="block"}',
        'detector_recipients_total{result="refused"}',
        'detector_next_hop_refusals_total{cause="reputation"}',
        'detector_feedback_answers_total{kind="refused"}',
        'detector_incidents_opened_total{trusted="true"}',
        'detector_containment_steps_total{step="change_password", result="done"}',
        "detector_held_bytes",
        "detector_held_limit_bytes",
        "detector_content_scored_timestamp_seconds",
        "detector_model_created_timestamp_seconds",
        "detector_certificate_expiry_timestamp_seconds - time()",
        "detector_hooks",
    ],
)
def test_what_has_happened_is_in_the_figures(house: House, expr: str) -> None:
    assert without_answer(house, [f"({expr}) > 0"]) == []


def test_a_password_change_leads_to_its_incident_by_an_exemplar(house: House) -> None:
    series = house.prometheus.ask(
        "query_exemplars", query="detector_time_to_password_change_seconds_bucket", start="0", end="4000000000"
    )
    named = {exemplar["labels"]["incident"] for one in series for exemplar in one["exemplars"]}
    assert named == {event["incident"] for event in house.detector.events("incident_opened")}


def test_the_pager_hears_what_a_hook_could_not_tell_with_a_link_to_the_runbook(house: House) -> None:
    def heard() -> list[dict[str, Any]]:
        return house.alertmanager.alerts(filter='alertname="DetectorHookFailing"')

    wait_for(lambda: bool(heard()), "the alert has reached Alertmanager")
    (alert,) = heard()
    assert [receiver["name"] for receiver in alert["receivers"]] == ["on-call"]
    assert alert["annotations"]["runbook_url"] == "runbook.md#detectorhookfailing"
    assert set(alert["labels"]) == {"alertname", "job", "severity"}


def test_a_cause_silences_what_follows_from_it(house: House) -> None:
    def alert(name: str, severity: str, instance: str) -> dict[str, object]:
        return {"labels": {"alertname": name, "severity": severity, "instance": instance, "job": "detector"}}

    posted = [
        alert("DetectorNoNextHop", "critical", "a"),
        alert("DetectorNextHopFailing", "warning", "a"),
        alert("DetectorNextHopFailing", "warning", "b"),
        alert("DetectorReloadRefused", "warning", "a"),
    ]
    httpx.post(f"{house.alertmanager.url}/api/v2/alerts", json=posted, trust_env=False).raise_for_status()

    def states() -> dict[tuple[str, str], tuple[str, str]]:
        return {
            (alert["labels"]["alertname"], alert["labels"]["instance"]): (
                alert["status"]["state"],
                alert["receivers"][0]["name"],
            )
            for alert in house.alertmanager.alerts(filter='instance=~"a|b"')
        }

    expected = {
        ("DetectorNoNextHop", "a"): ("active", "on-call"),
        ("DetectorNextHopFailing", "a"): ("suppressed", "tickets"),
        ("DetectorNextHopFailing", "b"): ("active", "tickets"),
        ("DetectorReloadRefused", "a"): ("active", "tickets"),
    }
    wait_for(lambda: states() == expected, f"Alertmanager has made up its mind: {expected}")
    assert states() == expected
