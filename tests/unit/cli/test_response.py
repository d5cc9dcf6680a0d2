import pytest

from detector.cli.words import moment
from tests.unit.cli.conftest import Keyboard


def test_each_step_is_shown_with_how_it_is_tried_and_undone(keyboard: Keyboard) -> None:
    rows = keyboard_steps(keyboard)
    assert [row["step"] for row in rows][:5] == [
        "change_password",
        "revoke_app_passwords",
        "end_sessions",
        "hold_queue",
        "notify_customer",
    ]
    assert rows[3]["undone"] == "by the step release_queue"
    assert rows[0]["key"] == "INCIDENT.change_password"


def keyboard_steps(keyboard: Keyboard) -> list[dict[str, str]]:
    import json

    from typer.testing import CliRunner

    from detector.cli.main import app

    result = CliRunner().invoke(app, ["response", "steps", "--config", str(keyboard.config), "--json"])
    rows: list[dict[str, str]] = json.loads(result.stdout)
    return rows


def test_a_freeze_is_recorded_with_its_end_and_reason(keyboard: Keyboard) -> None:
    answer = keyboard.type("response", "freeze", "--for", "2", "--reason", "new database")
    assert answer.status == 0, answer
    records = keyboard.records()
    freeze = records.frozen(keyboard.now)
    assert freeze is not None
    assert (freeze.reason, freeze.until is None) == ("new database", False)
    assert f"until {moment(freeze.until or 0.0)} UTC" in answer.output
    assert records.frozen(keyboard.now + 3 * 3600.0) is None
    assert records.audit_log(1)[0].action == "freeze"
    records.close()


def test_who_looks_at_incidents_is_told_that_they_are_frozen_and_why(keyboard: Keyboard) -> None:
    keyboard.open_incident()
    keyboard.type("response", "freeze", "--for", "2", "--reason", "new database")
    for words in (("incidents", "list"), ("incidents", "show", "3f2a")):
        assert "olga" in keyboard.type(*words).output
        assert "has frozen all containments (new database)" in keyboard.type(*words).output
    keyboard.type("response", "unfreeze")
    assert "frozen" not in keyboard.type("incidents", "list").output


def test_a_freeze_needs_a_reason(keyboard: Keyboard) -> None:
    assert keyboard.type("response", "freeze", "--for", "2", "--reason", " ").status == 2
    assert keyboard.type("response", "unfreeze").status == 1


def test_a_freeze_is_ended_once(keyboard: Keyboard) -> None:
    assert keyboard.type("response", "freeze", "--for", "2", "--reason", "new database").status == 0
    assert keyboard.type("response", "unfreeze", "--reason", "done").status == 0
    assert "were not frozen" in keyboard.type("response", "unfreeze").complaint


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ((), "either --for or --until"),
        (("--for", "1", "--until", "2099-01-01T00:00"), "either --for or --until"),
        (("--until", "2001-01-01T00:00"), "is over"),
    ],
)
def test_a_freeze_must_have_an_end(keyboard: Keyboard, words: tuple[str, ...], complaint: str) -> None:
    answer = keyboard.type("response", "freeze", "--reason", "new database", *words)
    assert answer.status != 0
    assert complaint in answer.complaint
