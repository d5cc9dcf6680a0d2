"""What keeps containments from being begun, shown for as long as it lasts."""

from collections.abc import Iterator
from contextlib import contextmanager

from detector import log
from detector.config import ConfigError
from detector.metrics import Metrics
from detector.ports import Temporary

STORE = "containment"


@contextmanager
def shown(metrics: Metrics) -> Iterator[None]:
    """Around one look of many: a fault is told and ends only this one. Accounts are blocked, and no more is done."""
    degraded = metrics.state_degraded.labels(STORE)
    try:
        yield
    except (Temporary, ConfigError, OSError) as error:
        log.records_failed(STORE, str(error))
        degraded.set(1)
    except Exception as error:
        log.internal_error(STORE, error)
        degraded.set(1)
    else:
        degraded.set(0)
