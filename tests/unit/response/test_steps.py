from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event as Signal

import pytest

from detector.config import DryRun, Response, Retry
from detector.incident.incident import Event
from detector.ports import Refused, Temporary
from detector.response.calls import Calls
from detector.response.patience import Patience
from detector.response.plan import CONTAINING, PLANS, SETTLING, Plan
from detector.response.steps import Steps
from detector.response.told import Result
from tests.support.ports import PATIENCE
from tests.support.response import NOW, Scene, incident


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    scene = Scene(tmp_path)
    scene.records.open_incident(incident())
    yield scene
    scene.records.close()


def steps(scene: Scene) -> Steps:
    return Steps(scene.tools, Patience(scene.settings.retry), Calls(8))


def perform(scene: Scene, *names: str) -> list[Result]:
    todo = steps(scene)
    return [todo.perform("i-1", name) for name in names]


def test_a_step_that_the_timeline_tells_as_done_is_not_done_twice(scene: Scene) -> None:
    for _ in range(2):  # the second time as after a crash: the workflow has not heard of the first
        assert perform(scene, *(plan.step for plan in CONTAINING)) == [Result.DONE] * 5
    assert len(scene.passwords.asked) == len(scene.app_passwords.asked) == len(scene.sessions.asked) == 1
    assert len(scene.queue.asked) == len(scene.letters.sent) == 1


@pytest.mark.parametrize("failure", [None, Temporary("no answer within 60 s"), Refused("the connection is broken")])
def test_who_was_stopped_in_the_middle_does_not_do_again_what_another_process_has_done_since(
    scene: Scene, failure: Exception | None
) -> None:
    scene.passwords.gate = Signal()
    scene.passwords.failures = [failure] if failure else []
    with ThreadPoolExecutor(1) as stopped:
        result = stopped.submit(perform, scene, "change_password")
        assert scene.passwords.entered.wait(PATIENCE)
        scene.records.record_step("i-1", "change_password", "done", NOW, "set by the one that took over")
        scene.passwords.gate.set()
        assert result.result(PATIENCE) == [Result.DONE]
    assert len(scene.passwords.asked) == 1
    assert [told for told in scene.told() if told != "change_password: retried"] == ["opened", "change_password: done"]


@pytest.mark.parametrize("plan", CONTAINING, ids=lambda plan: plan.step)
def test_what_was_dismissed_is_not_done_any_more(scene: Scene, plan: Plan) -> None:
    scene.records.apply("i-1", Event.DISMISS, NOW, "eve", "")
    assert perform(scene, plan.step) == [Result.SKIPPED]
    assert scene.told()[-1] == f"{plan.step}: skipped"


@pytest.mark.parametrize("plan", CONTAINING, ids=lambda plan: plan.step)
def test_a_release_in_the_meantime_keeps_no_old_password(scene: Scene, plan: Plan) -> None:
    for event in (Event.CONFIRM, Event.RELEASE):
        scene.records.apply("i-1", event, NOW, "eve", "")
    assert perform(scene, plan.step) == [Result.DONE]


def test_a_confirmed_incident_that_is_dismissed_is_over(scene: Scene) -> None:
    for event in (Event.CONFIRM, Event.DISMISS):
        scene.records.apply("i-1", event, NOW, "eve", "")
    assert perform(scene, "change_password") == [Result.SKIPPED]


def test_a_dismissal_undoes_what_was_done(scene: Scene) -> None:
    perform(scene, "hold_queue", "notify_customer")
    scene.records.apply("i-1", Event.DISMISS, NOW, "eve", "")
    for _ in range(2):
        assert perform(scene, "release_queue", "apologise") == [Result.DONE, Result.DONE]
    assert scene.queue.asked == [
        ("hold", "ann@example.org", "i-1.hold_queue"),
        ("release", "ann@example.org", "i-1.release_queue"),
    ]
    notice, _, request_id = scene.letters.sent[1]
    assert (notice.kind, request_id) == ("apology", "i-1.apologise")


def test_what_was_not_done_is_not_undone(scene: Scene) -> None:
    scene.records.apply("i-1", Event.DISMISS, NOW, "eve", "")
    assert perform(scene, "hold_queue", "notify_customer", "release_queue", "apologise") == [Result.SKIPPED] * 4
    assert scene.queue.asked == []
    assert scene.letters.sent == []


def test_what_perhaps_was_held_is_released(scene: Scene) -> None:
    scene.queue.for_ever = Temporary("the answer was lost")
    assert perform(scene, "hold_queue") == [Result.FAILED]
    scene.queue.for_ever = None
    assert perform(scene, "release_queue") == [Result.DONE]


def test_a_confirmation_deletes_what_was_held(scene: Scene) -> None:
    assert perform(scene, "hold_queue", "discard_queue") == [Result.DONE, Result.DONE]
    assert [verb for verb, _, _ in scene.queue.asked] == ["hold", "discard"]


@pytest.mark.parametrize("plan", [*CONTAINING, *SETTLING], ids=lambda plan: plan.step)
def test_a_dry_run_tells_what_it_would_have_done_and_does_nothing(tmp_path: Path, plan: Plan) -> None:
    scene = Scene(tmp_path, Response(dry_run=DryRun(steps=frozenset({plan.step}))))
    scene.records.open_incident(incident())
    assert perform(scene, plan.step) == [Result.DRY_RUN]
    last = scene.records.timeline("i-1")[-1]
    assert (last.event, last.detail) == (f"{plan.step}: dry_run", f"would have {plan.does}")
    fakes = (scene.passwords, scene.app_passwords, scene.sessions, scene.queue)
    assert [fake.asked for fake in fakes] == [[], [], [], []]
    assert scene.letters.sent == []
    scene.records.close()


def test_a_provider_that_hangs_is_given_up_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Plan, "limit", lambda *_: 0.05)
    scene = Scene(tmp_path, Response(retry=Retry(attempts=2, first_wait=0.01)))
    scene.records.open_incident(incident())
    scene.sessions.gate = Signal()
    assert perform(scene, "end_sessions", "hold_queue") == [Result.FAILED, Result.DONE]
    assert scene.told()[1:] == ["end_sessions: retried", "end_sessions: failed", "hold_queue: done"]
    assert scene.records.timeline("i-1")[2].detail == "no answer within 0.05 s"
    assert len(scene.sessions.asked) == 1  # the second attempt waited for the first call
    scene.sessions.gate.set()
    scene.records.close()


def test_an_answer_that_comes_late_counts_for_the_next_attempt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Plan, "limit", lambda *_: 0.05)
    scene = Scene(tmp_path, Response(retry=Retry(attempts=1_000, first_wait=0.01, longest_wait=0.01)))
    scene.records.open_incident(incident())
    scene.passwords.gate = Signal()

    record, gate = scene.records.record_step, scene.passwords.gate

    def record_and_let_go(*arguments: str, **named: float) -> None:
        record(*arguments, **named)  # type: ignore[arg-type]
        if Result.RETRIED in arguments:
            gate.set()

    monkeypatch.setattr(scene.records, "record_step", record_and_let_go)
    assert perform(scene, "change_password") == [Result.DONE]
    assert len(scene.passwords.asked) == 1
    scene.records.close()


def test_the_timeline_tells_when_a_step_began(scene: Scene) -> None:
    times = iter(range(100))
    scene.clock = lambda: NOW + next(times)
    perform(scene, "end_sessions")
    entry = scene.records.timeline("i-1")[-1]
    assert entry.began_at is not None
    assert NOW <= entry.began_at < entry.at


def test_each_step_has_an_act(scene: Scene) -> None:
    assert set(steps(scene)._acts) == set(PLANS)


def test_a_step_that_never_failed_has_failed_zero_times(scene: Scene) -> None:
    steps(scene)
    value, name = scene.metrics.registry.get_sample_value, "detector_containment_steps_total"
    assert {value(name, {"step": step, "result": "failed"}) for step in PLANS} == {0}
