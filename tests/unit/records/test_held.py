"""Held mail as people see it, and what they decide."""

import pytest

from detector.records.held_entries import HeldDecision, HeldRecipient, HeldSelection, HeldState, RecipientState
from detector.records.records import Records
from tests.support.held_house import a_held_message
from tests.support.mail_to import ANN
from tests.unit.records.conftest import MakeIncident

RELEASE, AGAIN, DISCARD = HeldDecision.RELEASE, HeldDecision.RELEASE_AGAIN, HeldDecision.DISCARD
ONE = HeldSelection(message="t1")
OF_ANN = HeldSelection(account=ANN)


def state(records: Records, message_id: str = "t1") -> HeldState:
    message = records.held(message_id)
    assert message is not None
    return message.state


def test_a_message_is_read_back_as_it_was_written(records: Records) -> None:
    odd = a_held_message(
        mail="FROM:<\udcfc\\nal@example.org> BODY=8BITMIME", xforward={"ADDR": "192.0.2.1"}, account="a\udc80\x00"
    )
    assert records.put_held(odd)
    assert records.held("t1") == odd
    assert records.held("t2") is None


def test_the_same_message_is_recorded_once(records: Records) -> None:
    assert records.put_held(a_held_message("t1", digest="o:d"))
    assert not records.put_held(a_held_message("t2", digest="o:d"))
    assert records.put_held(a_held_message("t3"))
    assert records.put_held(a_held_message("t4"))
    assert (records.was_held("o:d"), records.was_held("o:e"), records.was_held("")) == (True, False, False)
    assert records.held_digests("spool-1") == ["o:d"]


@pytest.mark.parametrize(
    ("selection", "found"),
    [
        (HeldSelection(), ["t1", "t2", "t3"]),
        (HeldSelection(message="t2"), ["t2"]),
        (OF_ANN, ["t1", "t2"]),
        (HeldSelection(fingerprint="f"), ["t2", "t3"]),
        (HeldSelection(account=ANN, fingerprint="f"), ["t2"]),
        (HeldSelection(incident="i1"), []),
    ],
)
def test_messages_are_found_by_what_they_have_in_common(
    records: Records, selection: HeldSelection, found: list[str]
) -> None:
    records.put_held(a_held_message("t1", held_at=1.0))
    records.put_held(a_held_message("t2", held_at=2.0, fingerprint="f"))
    records.put_held(a_held_message("t3", held_at=3.0, fingerprint="f", account="ben@example.org"))
    assert [one.message_id for one in records.find_held(selection)] == found
    assert records.held_like("t", 2) == ["t1", "t2"]


DECISIONS = [
    (HeldState.HELD, RELEASE, False, HeldState.RELEASING),
    (HeldState.HELD, DISCARD, False, HeldState.DISCARDED),
    (HeldState.RELEASING, DISCARD, False, HeldState.DISCARDED),
    (HeldState.SENDING, DISCARD, True, HeldState.SENDING),
    (HeldState.SENDING, AGAIN, True, HeldState.SENDING),
    (HeldState.IN_DOUBT, RELEASE, True, HeldState.IN_DOUBT),
    (HeldState.IN_DOUBT, AGAIN, True, HeldState.RELEASING),
    (HeldState.IN_DOUBT, DISCARD, True, HeldState.DISCARDED),
    (HeldState.DISCARDED, RELEASE, False, HeldState.DISCARDED),
    (HeldState.DISCARDED, RELEASE, True, HeldState.RELEASING),
    (HeldState.UNDELIVERABLE, RELEASE, False, HeldState.UNDELIVERABLE),
    (HeldState.UNDELIVERABLE, RELEASE, True, HeldState.RELEASING),
    (HeldState.RELEASED, AGAIN, True, HeldState.RELEASED),
    (HeldState.RETURNED, AGAIN, True, HeldState.RETURNED),
]
"""The state before, what is decided, whether the message is named by its id, and the state after."""


def test_a_decision_does_what_it_can(records: Records) -> None:
    for number, (before, decision, named, after) in enumerate(DECISIONS):
        message = a_held_message(f"m{number}", state=before, account=f"account-{number}")
        records.put_held(message)
        selection = HeldSelection(message=message.message_id) if named else HeldSelection(account=message.account)
        assert records.count_held(selection, decision) == (before is not after), DECISIONS[number]
        assert records.decide_held(selection, decision, "olga", 50.0, "because") == (before is not after)
        assert state(records, message.message_id) is after, DECISIONS[number]


def test_what_waits_for_its_next_attempt_is_tried_now_when_it_is_released_again(records: Records) -> None:
    records.put_held(a_held_message(state=HeldState.RELEASING, next_attempt_at=3600.0))
    assert records.decide_held(OF_ANN, RELEASE, "olga", 50.0) == 1
    assert [one.message_id for one in records.due_held("spool-1", 50.0, 10)] == ["t1"]


def test_who_decided_and_why_is_in_the_row_and_in_the_audit_log(records: Records) -> None:
    records.put_held(a_held_message())
    records.decide_held(OF_ANN, RELEASE, "olga", 50.0, "parish newsletter")
    message = records.held("t1")
    assert message is not None
    assert (message.decided_by, message.decided_at, message.reason) == ("olga", 50.0, "parish newsletter")
    assert (message.released_at, message.next_attempt_at) == (50.0, 50.0)
    newest = records.audit_log(1)[0]
    assert (newest.actor, newest.action, newest.subject) == ("olga", "held release", f"account {ANN}")
    assert newest.detail == "1 message: parish newsletter"


def test_a_decision_about_nothing_in_particular_is_about_nothing(records: Records) -> None:
    records.put_held(a_held_message())
    assert records.decide_held(HeldSelection(), DISCARD, "olga", 50.0) == 0
    assert state(records) is HeldState.HELD


def test_what_is_erased_cannot_be_released(records: Records) -> None:
    records.put_held(a_held_message(state=HeldState.DISCARDED))
    records.held_erased(["t1"])
    assert records.decide_held(ONE, RELEASE, "olga", 50.0) == 0


@pytest.mark.parametrize(
    ("decision", "states"),
    [
        (RELEASE, [RecipientState.SENT, RecipientState.WAITING, RecipientState.REPORTED, RecipientState.SENDING]),
        (AGAIN, [RecipientState.SENT, RecipientState.WAITING, RecipientState.REPORTED, RecipientState.WAITING]),
    ],
)
def test_who_was_refused_is_asked_again_and_who_may_have_it_only_if_that_is_wanted(
    records: Records, decision: HeldDecision, states: list[RecipientState]
) -> None:
    before = [RecipientState.SENT, RecipientState.REFUSED, RecipientState.REPORTED, RecipientState.SENDING]
    recipients = tuple(HeldRecipient(f"TO:<r{number}@example.net>", one, "550") for number, one in enumerate(before))
    records.put_held(a_held_message(state=HeldState.UNDELIVERABLE, recipients=recipients))
    records.decide_held(ONE, decision, "olga", 50.0)
    message = records.held("t1")
    assert message is not None
    assert [one.state for one in message.recipients] == states


def test_an_incident_takes_over_the_mail_of_its_account(records: Records, make_incident: MakeIncident) -> None:
    records.put_held(a_held_message("t1"))
    records.put_held(a_held_message("t2", account="ben@example.org"))
    records.put_held(a_held_message("t3"))
    records.put_held(a_held_message("t4"))
    records.let_held_go(["t3"], 20.0)
    records.decide_held(HeldSelection(message="t4"), RELEASE, "olga", 20.0)
    records.open_incident(make_incident())
    records.put_held(a_held_message("t5"))
    of_incident = records.find_held(HeldSelection(incident="i1"))
    assert [one.message_id for one in of_incident] == ["t1", "t3", "t4", "t5"]
    assert state(records, "t3") is HeldState.HELD
    assert state(records, "t4") is HeldState.RELEASING


def test_a_dismissal_releases_what_the_confirmation_had_discarded(
    records: Records, make_incident: MakeIncident
) -> None:
    records.open_incident(make_incident())
    records.put_held(a_held_message())
    of_incident = HeldSelection(incident="i1")
    records.decide_held(of_incident, DISCARD, "olga", 50.0)
    records.decide_held(of_incident, RELEASE, "ben", 60.0)
    assert state(records) is HeldState.RELEASING
