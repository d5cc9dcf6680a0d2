"""The metrics as Prometheus reads them."""

import subprocess
from pathlib import Path

import pytest
from prometheus_client import generate_latest

from detector.metrics import Metrics
from tests.support.packages import PROVES


def test_two_servers_in_one_process_count_apart() -> None:
    one, other = Metrics("1"), Metrics("1")
    one.hooks.labels("done").inc()
    assert one.registry.get_sample_value("detector_hook_deliveries_total", {"result": "done"}) == 1
    assert other.registry.get_sample_value("detector_hook_deliveries_total", {"result": "done"}) is None


def test_the_running_version_can_be_asked() -> None:
    assert Metrics("1.2.3").registry.get_sample_value("detector_build_info", {"version": "1.2.3"}) == 1


@pytest.mark.debian("prometheus")
def test_prometheus_finds_nothing_to_say_about_our_metrics() -> None:
    program: Path = PROVES["prometheus"]
    told = generate_latest(Metrics("1").registry)
    checked = subprocess.run([program, "check", "metrics"], input=told, capture_output=True, check=False)
    complaints = [line for line in checked.stderr.decode().splitlines() if line.startswith("detector_")]
    assert told
    assert not complaints
