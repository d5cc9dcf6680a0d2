"""The rules for Prometheus, their own tests, and the runbook: each alert is tried, and explained."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.dashboards import DASHBOARDS
from tests.support.grafana import queries
from tests.support.packages import PROVES
from tests.test_house_rules import log_events

ROOT = Path(__file__).parents[1]
RULES = ROOT / "deploy" / "prometheus"
CASES = ("alerts_test.yml", "alerts_minutes_test.yml", "alerts_days_test.yml")
AMTOOL = Path("/usr/bin/amtool")
RUNBOOK = (ROOT / "deploy" / "runbook.md").read_text("utf-8")
ALERT = re.compile(r"^      - alert: (\w+)\n(.*?)(?=^      - |^  - |\Z)", re.DOTALL | re.MULTILINE)
ALERTS = dict(ALERT.findall((RULES / "alerts.yml").read_text("utf-8")))
TOLD_BY_HOOKS = "unless on (job) job:detector_hooks_tell:bool == 1"


def promtool(*words: str) -> str:
    done = subprocess.run([PROVES["prometheus"], *words], cwd=RULES, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def sections() -> dict[str, str]:
    parts = re.split(r"^## (\w+)\n", RUNBOOK, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.debian("prometheus")
def test_prometheus_takes_the_rules() -> None:
    assert "rules found" in promtool("check", "rules", "recording.yml", "alerts.yml")


@pytest.mark.debian("prometheus")
def test_each_alert_fires_when_it_should_and_is_silent_when_it_should_not() -> None:
    assert promtool("test", "rules", *CASES).count("SUCCESS") == len(CASES)


@pytest.mark.debian("prometheus")
def test_prometheus_takes_our_example_of_its_configuration(tmp_path: Path) -> None:
    shutil.copytree(RULES, tmp_path / "detector")
    shutil.copy(RULES / "prometheus.yml", tmp_path)
    assert "SUCCESS" in promtool("check", "config", str(tmp_path / "prometheus.yml"))


@pytest.mark.debian("prometheus-alertmanager")
@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        ("alertname=DetectorDown severity=critical", "on-call"),
        ("alertname=DetectorNextHopSlow severity=warning", "tickets"),
        ("alertname=AccountNeedsDecision severity=critical incident=3f2a", "on-call"),
        ("alertname=AccountHijacked severity=warning incident=3f2a", "tickets"),
    ],
)
def test_alertmanager_takes_our_example_and_sends_each_alert_where_it_belongs(labels: str, receiver: str) -> None:
    words = ("config", "routes", "test", f"--config.file={ROOT / 'deploy' / 'alertmanager' / 'alertmanager.yml'}")
    done = subprocess.run([AMTOOL, *words, *labels.split()], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.returncode) == (receiver, 0), done.stderr


def test_what_silences_other_alerts_names_alerts_that_there_are() -> None:
    routes = (ROOT / "deploy" / "alertmanager" / "alertmanager.yml").read_text("utf-8")
    named = re.findall(r'alertname(=~|=|!=)"([^"]+)"', routes)
    assert len(named) > 5
    for _, pattern in named:
        assert any(re.fullmatch(pattern, name) for name in ALERTS), pattern


def test_each_alert_has_a_case_of_both_kinds() -> None:
    cases = "".join((RULES / name).read_text("utf-8") for name in CASES)
    fires = re.findall(r"- name: (\w+) fires\n.*?alertname: (\w+)\n        exp_alerts:\n", cases, re.DOTALL)
    silent = re.findall(r"- name: (\w+) is silent\b.*?alertname: (\w+)\n        exp_alerts: \[\]\n", cases, re.DOTALL)
    assert len(ALERTS) > 30
    assert sorted(set(fires)) == sorted(set(silent)) == sorted((name, name) for name in ALERTS)


@pytest.mark.parametrize("name", ALERTS)
def test_each_alert_says_what_is_wrong_how_bad_it_is_and_where_to_read_on(name: str) -> None:
    rule = ALERTS[name]
    assert re.search(r"^          severity: (critical|warning)$", rule, re.MULTILINE)
    assert re.search(r"^          summary: '.+'$", rule, re.MULTILINE)
    assert re.search(r"^          description: '.+\.'$", rule, re.MULTILINE)
    assert f"runbook_url: '{{{{ $externalLabels.runbook }}}}#{name.lower()}'" in rule


def test_the_runbook_has_the_alerts_in_their_order() -> None:
    assert list(sections()) == list(ALERTS)


@pytest.mark.parametrize("name", ALERTS)
def test_each_section_says_what_it_means_where_to_look_what_to_do_and_when_to_ignore_it(name: str) -> None:
    section, rule = sections()[name], ALERTS[name]
    severity = re.findall(r"severity: (\w+)", rule)[0]
    hooks = ", hooks tell" if TOLD_BY_HOOKS in rule else ""
    assert section.startswith(f"\n*{severity}{hooks}*\n")
    assert re.findall(r"^- \*\*(\w+)\*\*: ", section, re.MULTILINE) == ["Means", "Look", "Do", "Ignore"]


def test_the_log_events_that_the_runbook_names_are_there() -> None:
    named = {word for words in re.findall(r"[Ll]og ((?:`\w+`(?: or | and )?)+)", RUNBOOK) for word in words.split("`")}
    assert len(named) > 10
    assert named - {"", " or ", " and "} <= {event for event, _ in log_events()}


def test_each_metric_of_the_rules_is_one_of_ours() -> None:
    page = (ROOT / "deploy" / "metrics.md").read_text("utf-8")
    rules = "".join((RULES / name).read_text("utf-8") for name in ("recording.yml", "alerts.yml", *CASES))
    recorded = set(re.findall(r"record: \w+:(detector_\w+):", rules))
    for name in sorted(set(re.findall(r"\bdetector_\w+", rules)) - recorded):
        assert f"`{re.sub(r'_(bucket|count)$', '', name)}`" in page, name


def test_each_recording_rule_is_asked_for() -> None:
    rules = (RULES / "recording.yml").read_text("utf-8")
    asked = "".join(ALERTS.values()) + "".join(expr for dashboard in DASHBOARDS for _, expr in queries(dashboard))
    assert [name for name in re.findall(r"record: (\S+)", rules) if name not in asked] == []
