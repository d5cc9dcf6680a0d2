"""The port that Prometheus and load balancers ask."""

from collections.abc import Iterator

import httpx
import pytest

from detector.config import HostPort
from detector.health import HealthServer
from detector.metrics import Metrics


class _Gate:
    ready = False


@pytest.fixture
def gate() -> _Gate:
    return _Gate()


@pytest.fixture
def url(gate: _Gate) -> Iterator[str]:
    server = HealthServer(HostPort(host="127.0.0.1", port=0), Metrics("1.2.3").registry, lambda: gate.ready)
    server.start()
    try:
        yield "http://{}:{}".format(*server.address)
    finally:
        server.stop()


def test_ready_only_while_mail_is_taken(url: str, gate: _Gate) -> None:
    before = httpx.get(f"{url}/health/ready")
    gate.ready = True
    after = httpx.get(f"{url}/health/ready")
    assert (before.status_code, after.status_code) == (503, 200)


def test_alive_before_it_is_ready(url: str) -> None:
    assert httpx.get(f"{url}/health/live").status_code == 200


def test_prometheus_gets_our_metrics(url: str) -> None:
    answer = httpx.get(f"{url}/metrics")
    assert 'detector_build_info{version="1.2.3"} 1.0' in answer.text


def test_other_paths_tell_which_there_are(url: str) -> None:
    answer = httpx.get(f"{url}/metrics/../etc/passwd")
    assert (answer.status_code, "/health/ready" in answer.text) == (404, True)
