from typing import Any

import pytest

from detector.config import Hold
from detector.metrics import Metrics
from detector.records.held_entries import HeldState, HeldUse
from detector.relay.held_use import Use

NOW = 1000.0


def use(**limits: Any) -> tuple[Use, Metrics]:
    metrics = Metrics("test")
    return Use(Hold(**limits), metrics), metrics


@pytest.mark.parametrize(
    ("limits", "account", "limit"),
    [
        ({"messages": 2}, "ben", "limit"),
        ({"messages": 0}, "ben", "limit"),
        ({"bytes": 299}, "ben", "limit"),
        ({"bytes": 300}, "ben", ""),
        ({"messages_per_account": 2}, "ann", "limit_of_account"),
        ({"messages_per_account": 2}, "ben", ""),
        ({"bytes_per_account": 250}, "ann", "limit_of_account"),
        ({"bytes_per_account": 250}, "ben", ""),
    ],
)
def test_a_message_beyond_a_limit_is_not_held(limits: dict[str, int], account: str, limit: str) -> None:
    counted, _ = use(**limits)
    counted.replace([HeldUse("ann", HeldState.HELD, 1, 100, 10.0)], NOW)
    counted.add("ann", 1, 100)
    assert counted.limit_reached(account, 100) == limit


def test_what_could_not_be_kept_makes_room_again() -> None:
    counted, _ = use(messages=1)
    counted.add("ann", 1, 100)
    counted.add("ann", -1, -100)
    assert counted.limit_reached("ann", 100) == ""


def test_the_metrics_tell_how_much_waits_and_for_how_long() -> None:
    counted, metrics = use(bytes=5000, messages=50)
    counted.replace(
        [
            HeldUse("ann", HeldState.HELD, 2, 200, 400.0),
            HeldUse("ben", HeldState.HELD, 1, 50, 700.0),
            HeldUse("ben", HeldState.DISCARDED, 1, 25, 1.0),
        ],
        NOW,
    )
    value = metrics.registry.get_sample_value
    assert value("detector_held_messages", {"state": "held"}) == 3
    assert value("detector_held_messages", {"state": "discarded"}) == 1
    assert value("detector_held_bytes") == 275
    assert value("detector_held_limit_bytes") == 5000
    assert value("detector_held_limit_messages") == 50
    assert value("detector_held_oldest_seconds") == 600
    counted.replace([], NOW)
    assert value("detector_held_oldest_seconds") == 0
    assert value("detector_held_messages", {"state": "held"}) == 0
