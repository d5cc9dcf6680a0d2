"""`detector incidents` as an operator types it."""

import shlex

import pytest

from detector.cli.postfix_queue import commands
from detector.incident.incident import Event
from tests.support.held_house import a_held_message
from tests.unit.cli.conftest import ANN, Keyboard

FIRST, SECOND = "3f2a9c01d4e5f607", "3f99000000000000"


def test_open_incidents_are_listed_and_closed_ones_on_request(keyboard: Keyboard) -> None:
    keyboard.open_incident(FIRST)
    keyboard.open_incident(SECOND, "bob@example.org")
    keyboard.type("incidents", "dismiss", SECOND)
    assert [one["incident_id"] for one in keyboard.read("incidents", "list")] == [FIRST]
    assert len(keyboard.read("incidents", "list", "--all")) == 2
    assert [one["state"] for one in keyboard.read("incidents", "list", "-a", "--account", "bob@example.org")] == [
        "closed"
    ]
    assert ANN in keyboard.type("incidents", "list").output


def test_without_incidents_that_is_said(keyboard: Keyboard) -> None:
    assert keyboard.type("incidents", "list").output == "No incidents.\n"
    assert keyboard.read("incidents", "list") == []


def test_the_story_tells_why_what_was_done_and_what_comes_next(keyboard: Keyboard) -> None:
    keyboard.open_incident(FIRST)
    records = keyboard.records()
    records.record_step(FIRST, "change_password", "done", keyboard.now, "hash replaced")
    records.record_step(FIRST, "notify_customer", "failed", keyboard.now, "the directory does not know the account")
    records.apply(FIRST, Event.STEPS_DONE, keyboard.now, "detector")
    records.close()
    story = keyboard.type("incidents", "show", "3f2a").output
    for words in (
        "contained; waits for your decision",
        "change password: done",
        "By hand, please: notify customer",
        "192.0.2.77",
        "480 recipients in 24 hours; usual for this account: at most 3 (+6.0)",
        "reads like abuse: only 0.5 of 1000 clean messages read as badly (+3.0)",
        "the same text or link from 2 other suspicious accounts (+2.7)",
        "bulk +6.0, feedback -0.7, client +1.0, text +3.0, campaign +2.7: +12.0 in all",
        "detector incidents confirm 3f2a9c01",
        "detector incidents dismiss 3f2a9c01",
    ):
        assert words in story
    told = keyboard.read("incidents", "show", "3f2a")
    assert told["incident"]["account"] == ANN
    assert len(told["timeline"]) == 4


def test_the_beginning_of_an_id_is_enough_if_it_is_unique(keyboard: Keyboard) -> None:
    keyboard.open_incident(FIRST)
    keyboard.open_incident(SECOND, "bob@example.org")
    assert keyboard.read("incidents", "show", "3F2")["incident"]["incident_id"] == FIRST
    both = keyboard.type("incidents", "show", "3f")
    assert both.status == 1
    assert "2 incidents begin with 3f" in both.complaint
    assert f"{SECOND} (bob@example.org)" in both.complaint
    none = keyboard.type("incidents", "confirm", "77")
    assert none.status == 1
    assert "there is no incident 77" in none.complaint


def test_a_confirmation_counts_a_strike_and_a_dismissal_takes_it_back(keyboard: Keyboard) -> None:
    keyboard.open_incident(FIRST)
    confirmed = keyboard.type("incidents", "confirm", FIRST, "--note", "malware found").output
    assert "1 strike" in confirmed
    assert "detector accounts release ann@example.org" in confirmed
    assert keyboard.read("accounts", "show", ANN)["standing"] == "blocked"
    dismissed = keyboard.type("incidents", "dismiss", FIRST).output
    assert "may send again" in dismissed
    assert keyboard.read("incidents", "show", FIRST)["strikes"]["strikes"] == []


def test_a_dismissal_says_that_the_password_stays_changed(keyboard: Keyboard) -> None:
    keyboard.open_incident(FIRST)
    keyboard.tell_step("done")
    assert (
        "was changed and stays so: the customer needs a new one" in keyboard.type("incidents", "dismiss", FIRST).output
    )


def test_a_dismissal_in_the_middle_of_the_containment_warns_and_the_story_tells_how_it_ended(
    keyboard: Keyboard,
) -> None:
    keyboard.open_incident(FIRST)
    assert "A change of its password may be under way" in keyboard.type("incidents", "dismiss", FIRST).output
    assert "customer needs a new one" not in keyboard.type("incidents", "show", FIRST).output
    keyboard.tell_step("done")
    assert "was changed and stays so: the customer needs a new one" in keyboard.type("incidents", "show", FIRST).output


def test_a_dismissal_speaks_of_no_password_that_nobody_touched(keyboard: Keyboard) -> None:
    keyboard.open_incident(FIRST)
    records = keyboard.records()
    records.apply(FIRST, Event.APPROVAL_NEEDED, keyboard.now, "detector")
    records.close()
    assert "password" not in keyboard.type("incidents", "dismiss", FIRST).output


def test_before_a_release_the_thiefs_mail_leaves_the_queue(keyboard: Keyboard) -> None:
    keyboard.open_incident(FIRST)
    keyboard.tell_step("done")
    for told in (keyboard.type("incidents", "confirm", FIRST).output, keyboard.type("incidents", "show", FIRST).output):
        assert "Before the release, delete what the thief left in the queue" in told
        assert all(command in told for command in commands(ANN))
        assert "not changed yet" not in told


def test_nobody_is_asked_to_delete_what_the_program_has_deleted(keyboard: Keyboard) -> None:
    keyboard.open_incident()
    keyboard.type("incidents", "confirm", "3f2a")
    keyboard.tell_step("done", "change_password")
    keyboard.tell_step("done", "discard_queue")
    assert "postsuper" not in keyboard.type("incidents", "show", "3f2a").output
    assert "postsuper" not in keyboard.type("accounts", "release", ANN, "--reason", "scanned").output


def test_a_dismissal_after_the_queue_was_deleted_says_that_this_mail_is_gone(keyboard: Keyboard) -> None:
    keyboard.open_incident()
    keyboard.type("incidents", "confirm", "3f2a")
    keyboard.tell_step("done", "discard_queue")
    told = keyboard.type("incidents", "dismiss", "3f2a").output
    assert "what is missing must be sent again" in told
    assert "delivered at the next attempt" not in told


def test_a_dismissal_of_who_was_to_leave_says_that_this_is_still_noted(keyboard: Keyboard) -> None:
    keyboard.open_incident()
    keyboard.type("accounts", "terminate", ANN, "--reason", "third time")
    assert f"`detector accounts keep {ANN}` takes that back" in keyboard.type("incidents", "dismiss", "3f2a").output


def test_what_a_decision_does_with_held_mail_is_told_before_it_and_after_it(keyboard: Keyboard) -> None:
    records = keyboard.records()
    for message_id in ("aa11", "aa22"):
        records.put_held(a_held_message(message_id, account=ANN))
    records.close()
    keyboard.open_incident()
    story = keyboard.type("incidents", "show", "3f2a").output
    assert "Held with it: 2 messages, see `detector held list --incident 3f2a9c01`." in story
    assert "Held mail, 2 messages: discarded." in keyboard.type("incidents", "confirm", "3f2a").output
    assert "Held mail, 2 messages: sent" in keyboard.type("incidents", "dismiss", "3f2a").output
    assert "held mail: discarded" in keyboard.type("incidents", "show", "3f2a").output


def test_a_login_with_a_quote_can_be_copied_into_a_shell(keyboard: Keyboard) -> None:
    keyboard.open_incident(FIRST, "o'neil")
    assert f"""release {shlex.quote("o'neil")} --reason""" in keyboard.type("incidents", "confirm", FIRST).output


def test_facts_that_say_nothing_are_left_out(keyboard: Keyboard) -> None:
    keyboard.open_incident(FIRST, facts={"client": "192.0.2.77", "size_bytes": "0", "refused_in_last_message": "0"})
    story = keyboard.type("incidents", "show", FIRST).output
    assert "192.0.2.77" in story
    assert "Size" not in story
    assert "Refused" not in story


def test_who_waited_for_a_person_hears_that_the_password_is_changed_now(keyboard: Keyboard) -> None:
    keyboard.open_incident(FIRST)
    records = keyboard.records()
    records.apply(FIRST, Event.APPROVAL_NEEDED, keyboard.now, "detector", "too many changes")
    records.close()
    assert "waits for you" in keyboard.type("incidents", "show", FIRST).output
    assert "changes the password within seconds" in keyboard.type("incidents", "confirm", FIRST).output


@pytest.mark.parametrize("event", ["confirm", "dismiss"])
def test_nothing_is_decided_about_a_closed_incident(keyboard: Keyboard, event: str) -> None:
    keyboard.open_incident(FIRST)
    keyboard.type("incidents", "dismiss", FIRST)
    answer = keyboard.type("incidents", event, FIRST)
    assert answer.status == 1
    assert "is closed: nothing can be decided" in answer.complaint


def test_to_confirm_twice_is_told(keyboard: Keyboard) -> None:
    keyboard.open_incident(FIRST)
    keyboard.type("incidents", "confirm", FIRST)
    assert "is confirmed already" in keyboard.type("incidents", "confirm", FIRST).complaint


def test_the_third_strike_proposes_the_end_of_the_service(keyboard: Keyboard) -> None:
    confirmed = ""
    for incident_id in ("a1", "a2", "a3"):
        keyboard.open_incident(incident_id)
        confirmed = keyboard.type("incidents", "confirm", incident_id).output
        if incident_id != "a3":
            keyboard.tell_step("done", incident_id=incident_id)
            keyboard.type("accounts", "release", ANN, "--reason", "scanned")
    assert "the policy proposes to end the service" in confirmed
    assert "the policy proposes to end the service" in keyboard.type("accounts", "show", ANN).output
