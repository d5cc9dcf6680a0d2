"""Repeat offenders are proposed to people, and a customer may come back by a code."""

from detector.incident.incident import Event
from detector.records.entries import Offer
from tests.unit.cli.conftest import ANN, Keyboard

CODE = "abcd-efgh-jkmn"


def strike(keyboard: Keyboard, number: int) -> str:
    """One more confirmed incident; the account is released again. Its id."""
    incident_id = f"{number:x}f2a77aa"
    keyboard.open_incident(incident_id)
    keyboard.tell_step("done", incident_id=incident_id)
    assert keyboard.type("incidents", "confirm", incident_id).status == 0
    assert keyboard.type("accounts", "release", ANN, "--reason", "scanned").status == 0
    return incident_id


def test_the_third_strike_proposes_the_end_and_a_person_decides(keyboard: Keyboard) -> None:
    for number in (1, 2):
        strike(keyboard, number)
    assert "proposes" not in keyboard.type("accounts", "strikes").output
    keyboard.open_incident("3f2a77aa")
    keyboard.tell_step("done", incident_id="3f2a77aa")
    told = keyboard.type("incidents", "confirm", "3f2a77aa").output
    assert "proposes to end the service" in told
    assert "detector accounts terminate ann@example.org" in told
    assert "proposes to end the service" in keyboard.type("accounts", "show", ANN).output
    assert keyboard.type("accounts", "terminate", ANN, "--reason", "third time").status == 0
    refused = keyboard.type("accounts", "release", ANN, "--reason", "scanned")
    assert refused.status == 1
    assert "olga" in refused.complaint
    assert "detector accounts keep" in refused.complaint
    assert keyboard.type("accounts", "keep", ANN, "--reason", "new contract").status == 0
    assert keyboard.type("accounts", "release", ANN, "--reason", "scanned").status == 0
    assert not keyboard.read("accounts", "strikes", ANN)[0]["proposed"]


def test_the_strikes_of_an_account_are_listed_with_their_incidents(keyboard: Keyboard) -> None:
    incident_id = strike(keyboard, 1)
    page = keyboard.type("accounts", "strikes", ANN).output
    assert incident_id in page
    assert "in 364 days" in page or "in 365 days" in page
    assert keyboard.read("accounts", "strikes")[0]["account"] == ANN


def test_without_strikes_there_is_nothing_to_list(keyboard: Keyboard) -> None:
    assert "No account has a strike that counts." in keyboard.type("accounts", "strikes").output


def test_who_ends_the_service_of_an_account_that_is_not_blocked_hears_that_it_may_send(keyboard: Keyboard) -> None:
    assert "It is not blocked now" in keyboard.type("accounts", "terminate", ANN, "--reason", "letter").output


def test_a_decision_needs_a_reason(keyboard: Keyboard) -> None:
    assert keyboard.type("accounts", "terminate", ANN, "--reason", " ").status == 2


def offer(keyboard: Keyboard) -> None:
    keyboard.open_incident("3f2a77aa")
    records = keyboard.records()
    records.apply("3f2a77aa", Event.STEPS_DONE, keyboard.now, "detector")
    records.offer_self_release("3f2a77aa", Offer(ANN, keyboard.now, "salt", CODE))
    records.close()


def test_a_customer_comes_back_by_the_code_of_the_notice(keyboard: Keyboard) -> None:
    offer(keyboard)
    answer = keyboard.type("accounts", "self-release", ANN, typed=f"{CODE}\n")
    assert answer.status == 0, answer
    assert "may send again" in answer.output
    assert keyboard.read("accounts", "show", ANN)["standing"] == "free"
    told = keyboard.type("audit", "list")
    assert (told.status, CODE in told.output) == (0, False)


def test_no_code_is_not_a_wrong_one(keyboard: Keyboard) -> None:
    offer(keyboard)
    for _ in range(6):
        assert keyboard.type("accounts", "self-release", ANN, typed="\n").status == 2
    assert keyboard.type("accounts", "self-release", ANN, typed=f"{CODE}\n").status == 0


def test_a_wrong_code_and_an_account_that_is_not_blocked_are_refused_in_words(keyboard: Keyboard) -> None:
    offer(keyboard)
    wrong = keyboard.type("accounts", "self-release", ANN, typed="zzzz\n")
    assert (wrong.status, "the code is not right" in wrong.complaint) == (1, True)
    other = keyboard.type("accounts", "self-release", "bob@example.org", typed=f"{CODE}\n")
    assert (other.status, "is not blocked" in other.complaint) == (1, True)
