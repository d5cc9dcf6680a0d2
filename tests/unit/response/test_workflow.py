import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event as Signal

import pytest
from dbos import DBOS

from detector.config import Response, Retry
from detector.incident.incident import Event, State
from detector.ports import Refused, Temporary
from detector.records.records import Records
from detector.response.providers import Providers
from detector.response.steps import Steps
from detector.response.told import Result
from detector.response.workflow import Containment
from detector.verdict.explain import explain
from tests.support.ports import PATIENCE, wait_for
from tests.support.response import NOW, VERDICT, Ear, Scene, incident

ALL_DONE = [
    "opened",
    "change_password: done",
    "revoke_app_passwords: done",
    "end_sessions: done",
    "hold_queue: done",
    "notify_customer: done",
    "steps_done",
]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With tables and queues as they are after the first start, which takes longer than a test."""
    scene = Scene(tmp_path_factory.mktemp("first"))
    with started(scene):
        pass
    scene.records.close()
    return scene.directory / "containment.sqlite"


@pytest.fixture(autouse=True)
def started_before(database: Path, tmp_path: Path) -> None:
    shutil.copy(database, tmp_path)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    scene = Scene(tmp_path)
    yield scene
    scene.records.close()


@contextmanager
def started(scene: Scene) -> Iterator[Containment]:
    containment = Containment(f"sqlite:///{scene.directory / 'containment.sqlite'}", scene.tools)
    containment.start()
    containment.begin()
    try:
        wait_for(lambda: containment._engine._durable is not None, "the engine is awake")
        yield containment
    finally:
        containment.stop()


def confirming(records: Records) -> Callable[[str, float, int], bool]:
    """The question to the breaker, during which a person confirms an incident that it will stop."""
    claim = records.claim_password_change

    def claim_and_confirm(incident_id: str, now: float, limit: int) -> bool:
        claimed = claim(incident_id, now, limit)
        if not claimed:
            records.apply(incident_id, Event.CONFIRM, NOW, "eve", "")
        return claimed

    return claim_and_confirm


def wait_for_state(scene: Scene, state: State, incident_id: str = "i-1") -> None:
    wait_for(lambda: scene.records.incident(incident_id).state is state, f"{incident_id} is {state}")


def wait_for_kinds(ear: Ear, kinds: set[str]) -> None:
    wait_for(lambda: set(ear.kinds) == kinds, f"operators hear {kinds}")


def contain(scene: Scene) -> None:
    scene.records.open_incident(incident())
    with started(scene) as containment:
        containment.open("i-1")
        wait_for_state(scene, State.CONTAINED)


def test_an_incident_is_contained_step_by_step(scene: Scene) -> None:
    scene.records.open_incident(incident())
    with started(scene) as containment:
        containment.open("i-1")
        wait_for_state(scene, State.CONTAINED)
        wait_for_kinds(scene.ears[0], {"incident.opened", "incident.contained"})
    assert scene.told() == ALL_DONE
    assert [(account, request) for account, _, request in scene.passwords.asked] == [
        ("ann@example.org", "i-1.change_password")
    ]
    assert scene.sessions.asked == [("ann@example.org", "i-1.end_sessions")]
    notice, contact, request_id = scene.letters.sent[0]
    assert (contact.address, request_id) == ("ann@private.example", "i-1.notify_customer")
    assert "the old one no longer works" in notice.body
    assert "We ended all connections" in notice.body


def test_what_was_done_is_measured(scene: Scene) -> None:
    contain(scene)
    for step in ("change_password", "end_sessions", "notify_customer"):
        assert scene.count("detector_containment_steps_total", step=step, result="done") == 1
    assert scene.count("detector_time_to_password_change_seconds_sum") == 2.0
    assert scene.count("detector_time_to_notice_seconds_count") == 1


def test_the_last_event_tells_operators_what_was_done(scene: Scene) -> None:
    scene.records.open_incident(incident())
    with started(scene) as containment:
        containment.open("i-1")
        wait_for_kinds(scene.ears[0], {"incident.opened", "incident.contained"})
    event, request_id = next(heard for heard in scene.ears[0].heard if heard[0]["event"] == "incident.contained")
    assert request_id == "i-1.incident.contained"
    assert event["done"] == [
        {"step": "change_password", "result": "done", "detail": "set"},
        {"step": "revoke_app_passwords", "result": "done", "detail": "revoked"},
        {"step": "end_sessions", "result": "done", "detail": "ended"},
        {"step": "hold_queue", "result": "done", "detail": "hold: 2 messages"},
        {"step": "notify_customer", "result": "done", "detail": "sent"},
    ]
    assert event["evidence"] == explain(VERDICT)


def test_opening_twice_contains_once(scene: Scene) -> None:
    scene.records.open_incident(incident())
    with started(scene) as containment:
        for _ in range(3):
            containment.open("i-1")
        wait_for_state(scene, State.CONTAINED)
        containment.open("i-1")
        containment.keep_in_step()
    assert scene.told() == ALL_DONE


def test_a_failing_provider_is_tried_again_with_another_password(scene: Scene) -> None:
    scene.passwords.failures = [Temporary("database is away"), Temporary("still away")]
    contain(scene)
    assert scene.told()[1:4] == ["change_password: retried", "change_password: retried", "change_password: done"]
    assert len({password for _, password, _ in scene.passwords.asked}) == 3
    assert {request for _, _, request in scene.passwords.asked} == {"i-1.change_password"}
    assert scene.count("detector_containment_steps_total", step="change_password", result="retried") == 2


def test_a_step_that_is_given_up_does_not_stop_the_others(scene: Scene) -> None:
    scene.passwords.for_ever = Temporary("database is away")
    scene.records.open_incident(incident())
    with started(scene) as containment:
        containment.open("i-1")
        wait_for_state(scene, State.CONTAINED)
        wait_for_kinds(scene.ears[0], {"incident.opened", "incident.step_failed", "incident.contained"})
    assert len(scene.passwords.asked) == 3
    assert scene.told()[3:] == [
        "change_password: failed",
        *ALL_DONE[2:],
    ]
    assert "the old one no longer works" not in scene.letters.sent[0][0].body


def test_a_refusal_is_not_tried_again(scene: Scene) -> None:
    scene.passwords.for_ever = Refused("no such user")
    contain(scene)
    assert len(scene.passwords.asked) == 1
    assert scene.detail("change_password: failed") == "no such user"


def test_a_fault_in_a_provider_is_a_failed_step(scene: Scene) -> None:
    scene.sessions.for_ever = ZeroDivisionError("a bug")
    contain(scene)
    assert scene.told()[3] == "end_sessions: failed"
    assert scene.detail("end_sessions: failed") == "internal error: ZeroDivisionError"


@pytest.mark.parametrize("address", ["ann@example.org", "ANN@Example.org", "ann+x@example.org"])
def test_the_notice_never_goes_to_the_hijacked_mailbox(scene: Scene, address: str) -> None:
    scene.customers.address = address
    contain(scene)
    assert scene.letters.sent == []
    assert scene.told()[5] == "notify_customer: failed"
    assert "the thief would read the notice" in scene.detail("notify_customer: failed")


def test_a_thief_cannot_keep_the_notice_away_by_a_reverse_path(scene: Scene) -> None:
    stolen = incident()
    scene.records.open_incident(replace(stolen, facts={**stolen.facts, "mail_from": scene.customers.address}))
    with started(scene):
        wait_for_state(scene, State.CONTAINED)
    assert len(scene.letters.sent) == 1


def test_an_unknown_customer_is_told_to_operators(scene: Scene) -> None:
    scene.customers.address = ""
    contain(scene)
    assert scene.detail("notify_customer: failed") == "the customer directory does not know the account"


def test_nothing_configured_is_nothing_done_and_said(scene: Scene) -> None:
    scene.providers = Providers
    contain(scene)
    assert scene.told()[1:] == [
        *(event.replace("done", "skipped") for event in ALL_DONE[1:-1]),
        "steps_done",
    ]


def test_an_untrusted_identity_waits_for_a_person(scene: Scene) -> None:
    scene.records.open_incident(incident(trusted=False))
    with started(scene) as containment:
        containment.open("i-1")
        wait_for_state(scene, State.PENDING)
        wait_for_kinds(scene.ears[0], {"incident.opened", "incident.needs_confirmation"})
        assert scene.told() == ["opened", "approval_needed"]
        scene.records.apply("i-1", Event.CONFIRM, NOW, "eve", "")
        wait_for(lambda: "discard_queue: done" in scene.told(), "the rest is done")
        wait_for_kinds(scene.ears[0], {"incident.opened", "incident.needs_confirmation", "incident.contained"})
    assert scene.records.incident("i-1").state is State.CONFIRMED
    assert scene.told()[2:] == ["confirm", *ALL_DONE[1:], "discard_queue: done"]


def test_a_confirmation_in_another_process_is_found(scene: Scene) -> None:
    scene.records.open_incident(incident(trusted=False))
    with started(scene) as containment:
        containment.open("i-1")
        wait_for_kinds(scene.ears[0], {"incident.opened", "incident.needs_confirmation"})
        scene.records.apply("i-1", Event.CONFIRM, NOW, "eve", "")

        def done() -> bool:
            containment.keep_in_step()
            return "steps_done" in scene.told()

        wait_for(done, "the rest is done")
        containment.keep_in_step()
    assert len(scene.passwords.asked) == 1


def test_a_dismissal_in_another_process_is_told(scene: Scene) -> None:
    scene.records.open_incident(incident())
    with started(scene) as containment:
        containment.open("i-1")
        wait_for_kinds(scene.ears[0], {"incident.opened", "incident.contained"})
        containment.keep_in_step()
        assert scene.count("detector_incidents", state="contained") == 1
        scene.records.apply("i-1", Event.DISMISS, NOW, "eve", "")
        containment.keep_in_step()
        containment.keep_in_step()
        wait_for_kinds(scene.ears[0], {"incident.opened", "incident.contained", "incident.closed"})
    assert len(scene.ears[0].heard) == 3
    assert scene.told()[-3:] == ["dismiss", "release_queue: done", "apologise: done"]
    assert scene.count("detector_incidents", state="contained") == 0


def test_what_is_about_no_incident_is_told_once_for_each_key(scene: Scene) -> None:
    scene.ears[0].strict = False
    with started(scene) as containment:
        for _ in range(2):
            containment.announce("address.blocked", {"recipients": 3}, "address.blocked.1", {"accounts": ["ann"]})
        containment.announce("address.blocked", {"recipients": 9}, "address.blocked.2", {})
        wait_for(lambda: len(scene.ears[0].heard) == 2, "operators hear it twice")
    told = {key: (event["recipients"], event.get("accounts")) for event, key in scene.ears[0].heard}
    assert told == {"address.blocked.1": (3, ["ann"]), "address.blocked.2": (9, None)}


def test_too_many_password_changes_wait_for_a_person(tmp_path: Path) -> None:
    scene = Scene(tmp_path, Response(password_changes_per_hour=1, retry=Retry(attempts=1)))
    with started(scene) as containment:
        for name in ("i-1", "i-2"):
            scene.records.open_incident(incident(name, name))
            containment.open(name)
            wait_for(lambda name=name: scene.records.incident(name).state is not State.OPEN, "it goes on")  # type: ignore[misc]
        assert scene.records.incident("i-2").state is State.PENDING
        told = [entry.detail for entry in scene.records.timeline("i-2")]
        assert "1 password was changed within an hour" in told
        wait_for_kinds(scene.ears[0], {"incident.opened", "incident.contained", "breaker.open"})
        containment.keep_in_step()
        assert scene.count("detector_password_breaker_open") == 1
        scene.records.apply("i-2", Event.DISMISS, NOW, "eve", "")
        containment.keep_in_step()
        assert scene.count("detector_password_breaker_open") == 0
    assert [account for account, _, _ in scene.passwords.asked] == ["i-1"]
    scene.records.close()


def test_nobody_waits_for_the_breaker_when_a_person_was_faster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(tmp_path, Response(password_changes_per_hour=1, retry=Retry(attempts=1)))
    scene.records.open_incident(incident("i-1"))
    scene.records.claim_password_change("i-1", NOW, 1)
    scene.records.open_incident(incident("i-2", "bob@example.org"))
    monkeypatch.setattr(scene.records, "claim_password_change", confirming(scene.records))
    with started(scene) as containment:
        containment.open("i-2")
        wait_for(lambda: "steps_done" in scene.told("i-2"), "it goes on")
        assert scene.count("detector_password_breaker_open") == 0
    scene.records.close()


def test_a_dismissal_while_it_runs_stops_the_steps_to_come(scene: Scene) -> None:
    scene.passwords.gate = Signal()
    scene.records.open_incident(incident())
    with started(scene) as containment:
        containment.open("i-1")
        assert scene.passwords.entered.wait(PATIENCE)
        scene.records.apply("i-1", Event.DISMISS, NOW, "eve", "")
        scene.passwords.gate.set()
        wait_for(lambda: "apologise: skipped" in scene.told(), "the steps are skipped")
        wait_for_kinds(scene.ears[0], {"incident.opened", "incident.closed"})
    assert scene.records.incident("i-1").state is State.CLOSED
    assert scene.letters.sent == []
    assert scene.sessions.asked == []


def test_a_confirmation_and_a_release_in_another_process_are_found(scene: Scene) -> None:
    scene.records.open_incident(incident(trusted=False))
    with started(scene) as containment:
        containment.open("i-1")
        wait_for_kinds(scene.ears[0], {"incident.opened", "incident.needs_confirmation"})
        wait_for(lambda: _status() == "SUCCESS", "it waits for a person")
        scene.records.apply("i-1", Event.CONFIRM, NOW, "eve", "")
        scene.records.apply("i-1", Event.RELEASE, NOW, "eve", "")
        containment.keep_in_step()
        wait_for(lambda: "notify_customer: done" in scene.told(), "the rest is done")
        wait_for_kinds(scene.ears[0], {"incident.opened", "incident.needs_confirmation", "incident.closed"})
    assert len(scene.passwords.asked) == 1


def test_while_it_is_frozen_operators_hear_and_nothing_is_done(scene: Scene) -> None:
    scene.records.freeze(NOW, None, "eve", "new database")
    scene.records.open_incident(incident())
    with started(scene):
        wait_for_kinds(scene.ears[0], {"incident.opened", "response.frozen"})
        wait_for(lambda: scene.records.errands(1)[0].run == 1, "it is put off")
        assert scene.told() == ["opened"]
        assert scene.passwords.asked == []
        scene.records.unfreeze(NOW, "eve")
        wait_for_state(scene, State.CONTAINED)
        heard = {"incident.opened", "incident.contained", "response.frozen", "response.unfrozen"}
        wait_for_kinds(scene.ears[0], heard)
    assert scene.told() == ALL_DONE


def test_a_freeze_in_the_middle_stops_before_the_next_step(scene: Scene) -> None:
    scene.sessions.gate = Signal()
    scene.records.open_incident(incident())
    with started(scene):
        assert scene.sessions.entered.wait(PATIENCE)
        scene.records.freeze(NOW, None, "eve", "new database")
        scene.sessions.gate.set()
        wait_for(lambda: scene.records.errands(1)[0].run == 1, "it is put off")
        assert scene.told() == ALL_DONE[:4]
    scene.records.unfreeze(NOW, "eve")
    with started(scene):  # another process may go on with it
        wait_for_state(scene, State.CONTAINED)
    assert scene.told() == ALL_DONE
    assert len(scene.passwords.asked) == 1


def test_when_nobody_decides_operators_are_told_again(scene: Scene) -> None:
    contain(scene)
    scene.clock = lambda: NOW + 90_000.0
    with started(scene):
        wait_for_kinds(scene.ears[0], {"incident.opened", "incident.contained", "incident.waiting"})
    event, request_id = next(heard for heard in scene.ears[0].heard if heard[0]["event"] == "incident.waiting")
    assert (event["count"], request_id) == (1, f"i-1.incident.waiting.{NOW:.0f}.1")
    assert scene.told()[-1] == "waiting: reminder 1"
    assert scene.detail("waiting: reminder 1") == "nobody has decided for 90000 s"


@pytest.mark.parametrize("trouble", ["fails", "hangs"])
def test_a_bad_hook_delays_nothing(tmp_path: Path, trouble: str) -> None:
    scene = Scene(tmp_path, Response(retry=Retry(attempts=10, first_wait=600.0)))
    bad, good = Ear("bad"), Ear("good")
    scene.ears = (bad, good)
    released = Signal()
    if trouble == "fails":
        bad.for_ever = Temporary("nobody listens")
    else:
        bad.gate = released
    scene.records.open_incident(incident())
    with started(scene) as containment:
        containment.open("i-1")
        wait_for_state(scene, State.CONTAINED)
        wait_for_kinds(good, {"incident.opened", "incident.contained"})
        assert bad.entered.wait(PATIENCE)
        released.set()
    scene.records.close()


def test_a_slow_provider_does_not_keep_operators_from_hearing(scene: Scene) -> None:
    scene.passwords.gate = Signal()
    scene.records.open_incident(incident())
    with started(scene) as containment:
        containment.open("i-1")
        assert scene.passwords.entered.wait(PATIENCE)
        wait_for_kinds(scene.ears[0], {"incident.opened"})
        scene.passwords.gate.set()


def test_an_incident_that_nobody_began_is_begun_at_start(scene: Scene) -> None:
    scene.records.open_incident(incident())
    with started(scene):
        wait_for_state(scene, State.CONTAINED)
    assert scene.told() == ALL_DONE


def test_who_waits_at_the_stop_goes_on_after_the_start(tmp_path: Path) -> None:
    scene = Scene(tmp_path, Response(retry=Retry(attempts=3, first_wait=3600.0)))
    scene.sessions.failures = [Temporary("not now")]
    scene.records.open_incident(incident())
    with started(scene) as containment:
        containment.open("i-1")
        wait_for(lambda: "end_sessions: retried" in scene.told(), "it waits for its next attempt")
    assert scene.records.incident("i-1").state is State.OPEN
    with started(scene):
        wait_for_state(scene, State.CONTAINED)
    assert len(scene.passwords.asked) == 1
    assert scene.told().count("change_password: done") == 1
    scene.records.close()


def test_an_event_that_waits_at_the_stop_is_told_after_the_start(tmp_path: Path) -> None:
    scene = Scene(tmp_path, Response(retry=Retry(attempts=3, first_wait=3600.0)))
    scene.ears[0].failures = [Temporary("not now"), Temporary("not now")]
    scene.records.open_incident(incident())
    with started(scene) as containment:
        containment.open("i-1")
        wait_for(lambda: not scene.ears[0].failures, "both events wait for their next attempt")
    with started(scene):
        wait_for_kinds(scene.ears[0], {"incident.opened", "incident.contained"})
    assert scene.told() == ALL_DONE, "what waited was the telling, not a step"
    scene.records.close()


def test_a_workflow_that_broke_is_begun_again_at_start(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    with started(scene) as containment:
        monkeypatch.setattr(Steps, "perform", _broken)
        scene.records.open_incident(incident())
        containment.open("i-1")
        wait_for(lambda: _status() == "ERROR", "it broke")
    monkeypatch.undo()
    with started(scene):
        wait_for_state(scene, State.CONTAINED)
    assert scene.told() == ALL_DONE


def test_a_workflow_that_broke_is_begun_again_within_an_hour(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.records.open_incident(incident())
    monkeypatch.setattr(Steps, "perform", _broken)
    time = NOW
    scene.clock = lambda: time
    with started(scene):
        wait_for(lambda: _status() == "ERROR", "it broke")
        monkeypatch.undo()
        time = NOW + 3600.0
        wait_for_state(scene, State.CONTAINED)
    assert scene.told() == ALL_DONE


def test_what_is_long_over_is_forgotten_at_start(scene: Scene) -> None:
    contain(scene)
    with started(scene):
        assert _status() == "SUCCESS"
    scene.clock = lambda: 4_000_000_000.0
    with started(scene):
        wait_for(lambda: not _status(), "it is forgotten")
    assert scene.told() == ALL_DONE


def _status() -> str:
    """Of the first workflow of the first incident."""
    status = DBOS.get_workflow_status("i-1.open.1.0")
    return "" if status is None else status.status


def _broken(steps: Steps, incident_id: str, step: str) -> Result:
    raise ZeroDivisionError


def test_the_password_stands_in_no_file(scene: Scene, capfd: pytest.CaptureFixture[str]) -> None:
    scene.passwords.failures = [Temporary("not now")]
    contain(scene)
    texts = [path.read_bytes() for path in scene.directory.iterdir()]
    out, err = capfd.readouterr()
    texts += [out.encode(), err.encode(), scene.letters.sent[0][0].body.encode(), repr(scene.ears[0].heard).encode()]
    for _, password, _ in scene.passwords.asked:
        assert not any(password.encode() in text for text in texts)


def test_what_dbos_keeps_is_neither_pickled_nor_personal(scene: Scene) -> None:
    contain(scene)
    content = b"".join(path.read_bytes() for path in scene.directory.glob("containment.sqlite*"))
    assert b"portable_json" in content
    assert b"py_pickle" not in content
    assert b"ann@example.org" not in content
