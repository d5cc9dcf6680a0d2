from pathlib import Path

from detector.config import Response, Retry
from detector.ports import Temporary
from detector.response.announcements import BREAKER_OPEN, Announcements
from detector.response.patience import Patience
from tests.support.response import NOW, Scene


def announce(scene: Scene, name: str = "desk") -> bool:
    announcements = Announcements(scene.tools, Patience(scene.settings.retry))
    return announcements.deliver(name, BREAKER_OPEN, {"waiting": 3}, NOW, "breaker.open.1")


def test_every_target_hears_what_is_about_nobody(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    assert announce(scene)
    event = {"event": "breaker.open", "time": "2023-11-14T22:13:20Z", "waiting": 3}
    assert scene.ears[0].heard == [(event, "breaker.open.1")]
    assert scene.count("detector_hook_deliveries_total", result="done") == 1
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
