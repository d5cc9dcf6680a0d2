from dataclasses import replace
from pathlib import Path

import pytest

from detector.config import Response, Retry
from detector.ports import Temporary
from detector.response.announcements import BREAKER_OPEN, Announcements
from detector.response.hooks import Redaction, Target
from detector.response.patience import Patience
from tests.support.response import NOW, Scene


def announce(scene: Scene, name: str = "desk") -> bool:
    announcements = Announcements(scene.tools, Patience(scene.settings.retry))
    return announcements.deliver(
        name, BREAKER_OPEN, {"reason": "many", "waiting": 3, "count": 0}, NOW, "breaker.open.1"
    )


def test_every_target_hears_what_is_about_nobody(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    assert announce(scene)
    event = {"event": "breaker.open", "time": "2023-11-14T22:13:20Z", "reason": "many", "waiting": 3, "count": 0}
    assert scene.ears[0].heard == [(event, "breaker.open.1")]
    assert scene.count("detector_hook_deliveries_total", result="done") == 1
    scene.records.close()


@pytest.mark.parametrize(
    ("redaction", "personal"),
    [
        ("none", set()),
        ("account", {"accounts"}),
        ("account-and-evidence", {"accounts", "suspicion"}),
    ],
)
def test_what_is_personal_is_told_as_far_as_the_redaction_lets_it_out(
    tmp_path: Path, redaction: Redaction, personal: set[str]
) -> None:
    scene = Scene(tmp_path)
    providers = scene.all_providers()
    scene.providers = lambda: replace(providers, hooks=(Target(scene.ears[0], redaction),))
    announcements = Announcements(scene.tools, Patience(scene.settings.retry))
    announcements.remember("k", {"accounts": ["ann"], "suspicion": ["ann: score 9.0"]})
    words = {"recipients": 3, "accounts_affected": 1, "only_reported": 0, "since": "2 min"}
    assert announcements.deliver("desk", "address.blocked", words, NOW, "k")
    ((event, _),) = scene.ears[0].heard
    assert set(event) == {"event", "time", *words} | personal
    scene.records.close()


def test_a_hook_that_is_gone_hears_nothing(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    assert not announce(scene, "gone")
    scene.records.close()


def test_a_hook_that_fails_is_tried_again_and_given_up(tmp_path: Path) -> None:
    scene = Scene(tmp_path, Response(retry=Retry(attempts=2, first_wait=0.01)))
    scene.ears[0].for_ever = Temporary("nobody listens")
    assert not announce(scene)
    assert scene.count("detector_hook_deliveries_total", result="retried") == 1
    assert scene.count("detector_hook_deliveries_total", result="failed") == 1
    scene.records.close()
