"""What customers may ask for, as an operator types it."""

import json
import os
from contextlib import ExitStack, closing

import pytest

from detector.cli import copies
from detector.cli.ends import LATER, NOT_YOURS
from detector.host import hold_alone
from detector.ports import Temporary
from detector.state.stored import StoredHere
from tests.unit.cli.conftest import ANN, Keyboard

ID = "3f2a9c01d4e5f607"
WHY = ("--reason", "letter of 12 March")


def dismiss(keyboard: Keyboard) -> None:
    keyboard.open_incident()
    assert keyboard.type("incidents", "dismiss", ID).status == 0
    records = keyboard.records()
    while todo := records.errands(1):
        records.errand_done(todo[0].number)
    records.close()


def strikes(keyboard: Keyboard) -> int:
    records = keyboard.records()
    found = records.strikes(ANN)
    records.close()
    return len(found)


def confirm(keyboard: Keyboard) -> None:
    keyboard.open_incident()
    assert keyboard.type("incidents", "confirm", ID).status == 0


def test_all_that_is_recorded_is_one_json_document_and_the_export_is_an_entry(keyboard: Keyboard) -> None:
    keyboard.let_send(ANN, 30)
    confirm(keyboard)
    answer = keyboard.type("accounts", "export", "Ann@Example.org ")
    assert answer.status == 0
    found = json.loads(answer.output)
    assert (found["account"], found["standing"]) == (ANN, "blocked")
    assert found["profile"]["recipients_24h"] == pytest.approx(30, rel=0.1)
    assert found["profile"]["explanation"]
    assert found["records"]["incidents"][0]["facts"]["client"] == "192.0.2.77"
    assert [told["event"] for told in found["records"]["timeline"]] == ["opened", "confirm"]
    assert found["records"]["strikes"][0]["incident_id"] == ID
    assert {entry["action"] for entry in found["records"]["audit"]} == {"open", "confirm"}
    newest = keyboard.read("audit", "list")[1]
    assert (newest["actor"].split()[0], newest["action"], newest["subject"]) == ("olga", "export account", ANN)


@pytest.mark.parametrize("words", [("export",), ("forget", "--yes", *WHY)])
def test_an_account_that_nobody_knows_has_nothing(keyboard: Keyboard, words: tuple[str, ...]) -> None:
    keyboard.let_send(ANN, 3)
    command, *options = words
    answer = keyboard.type("accounts", command, "anne@example.org", *options)
    assert (answer.status, answer.output) == (1, "")
    assert "did you mean ann@example.org?" in answer.complaint


def test_a_strike_is_taken_back(keyboard: Keyboard) -> None:
    confirm(keyboard)
    answer = keyboard.type("accounts", "correct", ANN, "--withdraw-strike", "3f2a", "--reason", "by mistake")
    assert answer.output == f"The strike of incident {ID} is taken back.\n"
    assert strikes(keyboard) == 0
    again = keyboard.type("accounts", "correct", ANN, "--withdraw-strike", "3f2a", "--reason", "by mistake")
    assert (again.status, f"incident {ID} of {ANN} has no strike" in again.complaint) == (1, True)


def test_a_correction_is_in_the_story_of_the_incident(keyboard: Keyboard) -> None:
    keyboard.open_incident()
    assert keyboard.type("accounts", "correct", ANN, "--incident", "3f2a", "--reason", "the old laptop").status == 0
    assert "the old laptop" in keyboard.type("incidents", "show", "3f2a").output


def test_a_profile_is_reset(keyboard: Keyboard) -> None:
    found = keyboard.read("accounts", "correct", ANN, "--reset-profile", "--reason", "new owner")
    assert found["account"] == ANN
    records = keyboard.records()
    assert [erasure.account for erasure in records.erasures_since(0)] == [ANN]
    records.close()


def test_an_incident_of_somebody_else_is_not_touched(keyboard: Keyboard) -> None:
    confirm(keyboard)
    answer = keyboard.type("accounts", "correct", "bob@example.org", "--withdraw-strike", "3f2a", *WHY)
    assert (answer.status, "is not one of bob@example.org" in answer.complaint) == (1, True)
    assert strikes(keyboard) == 1


@pytest.mark.parametrize(
    "options", [(), ("--reset-profile", "--incident", "3f2a"), ("--incident", "3f2a", "--withdraw-strike", "3f2a")]
)
def test_one_thing_is_corrected_at_a_time(keyboard: Keyboard, options: tuple[str, ...]) -> None:
    answer = keyboard.type("accounts", "correct", ANN, *options, *WHY)
    assert (answer.status, "say what is wrong" in " ".join(answer.complaint.split())) == (2, True)


def test_who_is_forgotten_leaves_a_tombstone(keyboard: Keyboard) -> None:
    dismiss(keyboard)
    answer = keyboard.type("accounts", "forget", ANN, "--incidents", "--yes", *WHY)
    assert answer.status == 0
    assert f"What was learned of the mail of {ANN} is erased.\n" in answer.output
    assert "Erased: lifted blocks (1), incidents (1)." in answer.output
    assert "Left" not in answer.output
    newest = keyboard.read("audit", "list")[1]
    assert (newest["action"], newest["subject"]) == ("forget", ANN)
    assert newest["detail"].endswith(": letter of 12 March")
    assert keyboard.read("incidents", "list", "--all") == []


@pytest.mark.parametrize("words", [("forget", "--yes"), ("correct", "--reset-profile")])
@pytest.mark.parametrize("runs", [False, True])
def test_what_no_server_has_erased_yet_is_said_and_the_status_tells_it(
    keyboard: Keyboard, monkeypatch: pytest.MonkeyPatch, words: tuple[str, str], runs: bool
) -> None:
    keyboard.let_send(ANN, 3)
    monkeypatch.setattr(copies, "PATIENCE", -0.8)
    with ExitStack() as stack:
        if runs:
            stack.callback(os.close, hold_alone(keyboard.directory / "state"))
        answer = keyboard.type("accounts", words[0], ANN, words[1], *WHY)
    assert answer.status == LATER
    told = "no server gets to it" if runs else "does it when it starts"
    assert told in answer.output
    assert "without being asked again" in answer.output


@pytest.mark.parametrize(("words", "times"), [(("forget", "--yes"), 2), (("correct", "--reset-profile"), 1)])
def test_profiles_that_cannot_be_read_keep_no_order_from_being_given_and_are_not_waited_for(
    keyboard: Keyboard, monkeypatch: pytest.MonkeyPatch, words: tuple[str, str], times: int
) -> None:
    asked: list[str] = []

    def away(_: StoredHere, account: str) -> None:
        asked.append(account)
        msg = "state.url: no answer"
        raise Temporary(msg)

    monkeypatch.setattr(StoredHere, "read", away)
    answer = keyboard.type("accounts", words[0], ANN, words[1], *WHY)
    assert (answer.status, asked) == (LATER, [ANN] * times)
    with closing(keyboard.records()) as records:
        assert [erasure.account for erasure in records.erasures_since(0)] == [ANN]
    assert "as soon as it can, without being asked again. Not to be seen now: state.url: no answer" in answer.output


def test_what_counts_stays_and_is_told(keyboard: Keyboard) -> None:
    confirm(keyboard)
    assert keyboard.type("accounts", "exempt", ANN, "--days", "1", "--reason", "meeting").status == 0
    found = keyboard.read("accounts", "forget", ANN, "--incidents", "--yes", *WHY)
    assert (found["erased"]["exemptions"], found["erased"]["incidents"]) == (1, 0)
    assert {"incidents", "timeline", "strikes"} <= found["left"].keys()
    answer = keyboard.type("accounts", "forget", ANN, "--yes", *WHY)
    assert "Erased: nothing else was recorded." in answer.output
    left = answer.output.split("Left, because it is needed:")[1]
    assert ("incidents (1)" in left, "--incidents erases them now" in left, "Then forget again" in left) == (True,) * 3
    again = keyboard.type("accounts", "forget", ANN, "--incidents", "--yes", *WHY)
    assert "--incidents" not in again.output


def test_nothing_is_erased_unless_it_is_meant(keyboard: Keyboard) -> None:
    dismiss(keyboard)
    answer = keyboard.type("accounts", "forget", ANN, "--incidents", *WHY)
    assert answer.status == 1
    assert "This cannot be undone" in answer.output
    assert len(keyboard.read("incidents", "list", "--all")) == 1


@pytest.mark.parametrize("words", [("export", ANN), ("forget", ANN, "--yes", *WHY)])
def test_an_operator_neither_exports_nor_forgets(
    keyboard: Keyboard, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    keyboard.open_incident()
    monkeypatch.setenv("SUDO_USER", "nobody")
    with keyboard.config.open("a", encoding="utf-8") as file:
        file.write('[operators]\noperator = ["nobody"]\n')
    answer = keyboard.type("accounts", *words)
    assert (answer.status, answer.output) == (NOT_YOURS, "")
    assert keyboard.type("accounts", "correct", ANN, "--reset-profile", *WHY).status == 0
