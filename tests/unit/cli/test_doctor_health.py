"""What a running server says of itself, asked by HTTP as it is there."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from detector.cli import doctor_health
from detector.cli.doctor_health import RULES, compared, examine_health
from detector.cli.doctor_part import Part
from detector.cli.finding import Level
from detector.config import HostPort
from detector.health import HealthServer
from detector.host import hold_alone
from detector.metrics import Metrics
from tests.support.http_receiver import Receiver
from tests.support.metrics_page import own_metrics
from tests.support.ports import HOST, free_port

NOW = 4_000_000_000.0


@contextmanager
def served(metrics: Metrics, ready: bool = True) -> Iterator[HostPort]:
    server = HealthServer(HostPort(host=HOST, port=0), metrics.registry, lambda: ready)
    server.start()
    try:
        yield HostPort(host=HOST, port=server.address[1])
    finally:
        server.stop()


def looked_at(metrics: Metrics, directory: Path, ready: bool = True) -> Part:
    with served(metrics, ready) as listen:
        return examine_health(listen, directory, NOW)[0]


def told(part: Part, level: Level = Level.PROBLEM) -> list[str]:
    return [one.text for one in part.findings if one.level is level]


def test_a_server_in_order_has_no_finding(tmp_path: Path) -> None:
    part = looked_at(Metrics("1.2.3"), tmp_path)
    assert (part.facts["running"], part.facts["ready"], part.facts["version"]) == (True, True, "1.2.3")
    assert float(part.facts["uptime_seconds"]) > 0
    assert not part.findings


def test_the_page_of_metrics_is_handed_on_as_it_came(tmp_path: Path) -> None:
    with served(Metrics("1.2.3")) as listen:
        assert 'detector_build_info{version="1.2.3"} 1.0' in examine_health(listen, tmp_path, NOW)[1]


def test_a_server_that_does_not_take_mail_yet_is_a_problem(tmp_path: Path) -> None:
    part = looked_at(Metrics("1.2.3"), tmp_path, ready=False)
    assert part.facts["ready"] is False
    assert "takes no mail" in told(part)[0]


def test_where_no_server_runs_it_is_said_how_to_start_one(tmp_path: Path) -> None:
    part, page = examine_health(HostPort(host=HOST, port=free_port()), tmp_path, NOW)
    assert (part.facts, page) == ({"running": False}, "")
    assert "systemctl start detector" in told(part)[0]


def test_another_program_at_the_address_is_told_from_ours(tmp_path: Path) -> None:
    with Receiver("secret", lambda: NOW) as receiver:
        part, page = examine_health(HostPort(host=HOST, port=receiver.port), tmp_path, NOW)
    assert (part.facts, page) == ({"running": False}, "")
    assert "another program answers" in told(part)[0]


def test_a_server_whose_page_does_not_answer_is_told_from_none(tmp_path: Path) -> None:
    hold_alone(tmp_path)
    part, _ = examine_health(HostPort(host=HOST, port=free_port()), tmp_path, NOW)
    assert "one runs" in told(part)[0]


def test_a_directory_that_cannot_be_looked_into_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(_: Path) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(doctor_health, "held_by_a_server", forbidden)
    part, _ = examine_health(HostPort(host=HOST, port=free_port()), tmp_path, NOW)
    assert "cannot be looked into: Permission denied" in told(part)[0]


def test_a_server_that_listens_everywhere_is_asked_on_this_host(tmp_path: Path) -> None:
    with served(Metrics("1.2.3")) as listen:
        part, _ = examine_health(HostPort(host="0.0.0.0", port=listen.port), tmp_path, NOW)
    assert part.facts["running"] is True


@pytest.mark.parametrize(
    ("happens", "level", "words"),
    [
        (lambda m: m.state_degraded.labels("profiles").set(1), Level.PROBLEM, "the store `profiles`"),
        (lambda m: m.next_hop_up.labels("mx:25").set(0), Level.PROBLEM, "the next hop mx:25 does not answer"),
        (lambda m: m.breaker_open.set(1), Level.PROBLEM, "approve --all-waiting"),
        (lambda m: m.response_frozen.set(1), Level.HINT, "unfreeze"),
        (lambda m: m.held_messages.labels("in_doubt").set(2), Level.PROBLEM, "2 held messages are in_doubt"),
        (lambda m: m.held_damaged.set(1), Level.PROBLEM, "are missing"),
        (lambda m: m.held_expiring.set(4), Level.HINT, "4 held messages go"),
        (lambda m: m.address_blocked.set(3), Level.PROBLEM, "our own address"),
        (lambda m: m.broken_judgements.inc(), Level.HINT, "could not be judged"),
        (lambda m: m.steps.labels("end_sessions", "failed").inc(), Level.HINT, "the step end_sessions"),
        (lambda m: m.hooks.labels("failed").inc(), Level.HINT, "given up"),
    ],
)
def test_what_metrics_say_is_wrong_comes_with_what_to_do(
    tmp_path: Path, happens: Callable[[Metrics], None], level: Level, words: str
) -> None:
    metrics = Metrics("1.2.3")
    happens(metrics)
    found = told(looked_at(metrics, tmp_path), level)
    assert len(found) == 1
    assert words in found[0]


def test_what_is_as_it_should_be_is_no_finding(tmp_path: Path) -> None:
    metrics = Metrics("1.2.3")
    metrics.next_hop_up.labels("mx:25").set(1)
    metrics.held_messages.labels("held").set(7)
    metrics.steps.labels("end_sessions", "done").inc()
    metrics.address_blocked.set(2)
    part = looked_at(metrics, tmp_path)
    assert not part.findings
    assert part.facts["held_messages"] == 7


@pytest.mark.parametrize(("without", "problems"), [(51, 1), (50, 0)])
def test_logins_that_mostly_do_not_arrive_are_a_problem(tmp_path: Path, without: int, problems: int) -> None:
    metrics = Metrics("1.2.3")
    metrics.identities.labels("none").inc(without)
    metrics.identities.labels("policy-service").inc(100 - without)
    assert len(told(looked_at(metrics, tmp_path))) == problems


def test_each_rule_looks_at_a_metric_that_there_is() -> None:
    known = {f"{metric.name}{'_total' if metric.type == 'counter' else ''}" for metric, _ in own_metrics()}
    assert {rule.metric for rule in RULES} <= known


def test_another_version_than_the_installed_one_asks_for_a_restart() -> None:
    old = Part("health", {"version": "1.0"})
    assert [one.level for one in compared(old, "1.1", 1)] == [Level.HINT]
    assert not list(compared(old, "1.0", 1))
    assert not list(compared(Part("health", {"running": False}), "1.1", 2))


@pytest.mark.parametrize(("alive", "problems"), [(1, 1), (2, 0), (0, 0)])
def test_a_worker_that_is_missing_is_a_problem(tmp_path: Path, alive: int, problems: int) -> None:
    metrics = Metrics("1.0")
    metrics.workers.set(alive)
    found = list(compared(looked_at(metrics, tmp_path), "1.0", 2))
    assert [one.about for one in found] == ["workers"] * problems
