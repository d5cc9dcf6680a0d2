"""The metrics as Prometheus reads them."""

import subprocess
from pathlib import Path

import pytest
from prometheus_client import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from detector.content.kernel import COMPILED
from detector.mail.status_codes import Cause
from detector.metrics import CAUSES, SLOW, Metrics
from tests.support.packages import PROVES


def test_two_servers_in_one_process_count_apart() -> None:
    one, other = Metrics("1"), Metrics("1")
    one.hooks.labels("done").inc()
    assert one.registry.get_sample_value("detector_hook_deliveries_total", {"result": "done"}) == 1
    assert other.registry.get_sample_value("detector_hook_deliveries_total", {"result": "done"}) == 0


def test_the_running_version_can_be_asked() -> None:
    registry = Metrics("1.2.3").registry
    assert registry.get_sample_value("detector_build_info", {"version": "1.2.3"}) == 1
    assert registry.get_sample_value("detector_content_compiled") == COMPILED


@pytest.mark.debian("prometheus")
def test_prometheus_finds_nothing_to_say_about_our_metrics() -> None:
    program: Path = PROVES["prometheus"]
    told = generate_latest(Metrics("1").registry)
    checked = subprocess.run([program, "check", "metrics"], input=told, capture_output=True, check=False)
    complaints = [line for line in checked.stderr.decode().splitlines() if line.startswith("detector_")]
    assert told
    assert not complaints


def test_a_slow_judgement_leaves_its_transaction_and_a_quick_one_does_not() -> None:
    metrics = Metrics("1")
    metrics.judged(SLOW / 2, "quick")
    metrics.judged(SLOW * 3, "slow")
    told = generate_openmetrics(metrics.registry).decode()  # type: ignore[no-untyped-call]
    assert '# {transaction_id="slow"} 0.15' in told
    assert "quick" not in told


def test_what_has_not_happened_yet_is_zero_and_not_absent() -> None:
    value = Metrics("1").registry.get_sample_value
    assert value("detector_held_failures_total", {"reason": "disk_full"}) == 0
    assert value("detector_next_hop_refusals_total", {"cause": "reputation"}) == 0


def test_each_cause_of_a_refusal_has_its_label() -> None:
    assert set(CAUSES) == {cause.replace(" ", "_") for cause in Cause}
