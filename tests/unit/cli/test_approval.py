"""Containments that wait for a person go on when somebody says so."""

import pytest

from detector.incident.incident import Event
from tests.unit.cli.conftest import ANN, Keyboard

FIRST, SECOND = "3f2a77aa", "4f2a77aa"


@pytest.fixture
def waiting(keyboard: Keyboard) -> Keyboard:
    keyboard.open_incident(FIRST)
    keyboard.open_incident(SECOND, "bob@example.org")
    records = keyboard.records()
    for incident_id in (FIRST, SECOND):
        records.apply(incident_id, Event.APPROVAL_NEEDED, keyboard.now, "detector", "20 passwords within an hour")
    records.close()
    return keyboard


def states(keyboard: Keyboard) -> dict[str, str]:
    return {one["incident_id"]: one["state"] for one in keyboard.read("incidents", "list")}


def test_one_incident_goes_on_and_no_strike_is_counted(waiting: Keyboard) -> None:
    assert "1 containment will go on" in waiting.type("incidents", "approve", FIRST).output
    assert states(waiting) == {FIRST: "open", SECOND: "pending"}
    assert waiting.read("accounts", "strikes", ANN)[0]["strikes"] == []


def test_all_go_on_after_one_question(waiting: Keyboard) -> None:
    refused = waiting.type("incidents", "approve", "--all-waiting", typed="n\n")
    assert (refused.status, "nothing was approved" in refused.complaint) == (1, True)
    assert set(states(waiting).values()) == {"pending"}
    agreed = waiting.type("incidents", "approve", "--all-waiting", typed="y\n")
    assert "Change the passwords of 2 accounts" in agreed.output
    assert set(states(waiting).values()) == {"open"}


def test_where_nothing_waits_there_is_nothing_to_approve(keyboard: Keyboard) -> None:
    answer = keyboard.type("incidents", "approve", "--all-waiting", "--yes")
    assert (answer.status, "no containment waits" in answer.complaint) == (1, True)


def test_an_incident_that_waits_for_nobody_says_so(keyboard: Keyboard) -> None:
    keyboard.open_incident(FIRST)
    assert "does not wait for anybody" in keyboard.type("incidents", "approve", FIRST).complaint


def test_neither_an_incident_nor_all_is_a_mistake(keyboard: Keyboard) -> None:
    assert keyboard.type("incidents", "approve").status == 2
    assert keyboard.type("incidents", "approve", FIRST, "--all-waiting").status == 2
