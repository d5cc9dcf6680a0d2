"""A fault of the containment is told and shown, and over when a look succeeds."""

import pytest
from structlog.testing import capture_logs

from detector.config import ConfigError
from detector.metrics import Metrics
from detector.ports import Temporary
from detector.response.fault import shown


@pytest.mark.parametrize(
    ("fault", "event"),
    [
        (ConfigError("containment.sqlite cannot be used"), "records_failed"),
        (Temporary("no answer"), "records_failed"),
        (FileNotFoundError("no such directory"), "records_failed"),
        (ValueError("a bug"), "internal_error"),
    ],
)
def test_a_fault_ends_one_look_and_is_shown_until_one_succeeds(fault: Exception, event: str) -> None:
    metrics = Metrics("test")
    with capture_logs() as logs, shown(metrics):
        raise fault
    assert [one["event"] for one in logs] == [event]
    assert degraded(metrics) == 1
    with shown(metrics):
        pass
    assert degraded(metrics) == 0


def degraded(metrics: Metrics) -> float | None:
    return metrics.registry.get_sample_value("detector_state_degraded", {"store": "containment"})
