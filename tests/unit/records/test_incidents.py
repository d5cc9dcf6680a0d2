from collections.abc import Callable
from dataclasses import replace

import pytest

from detector.incident.incident import PUNISH, Event, IllegalTransition, Incident, State
from detector.incident.strike import Strike
from detector.records.held_entries import HeldDecision, HeldSelection, HeldState
from detector.records.incidents import PASSWORD_CHANGED
from detector.records.records import Forgiveness, Records, TimelineEntry, UnknownIncident
from detector.response.plan import CHANGE_PASSWORD
from detector.response.told import Result
from tests.support.held_house import a_held_message

Make = Callable[..., Incident]


def events(records: Records, incident_id: str) -> list[str]:
    return [entry.event for entry in records.timeline(incident_id)]


def test_an_incident_is_read_back_equal(records: Records, make_incident: Make) -> None:
    incident = make_incident()
    assert records.open_incident(incident) == incident
    assert records.incident("i1") == incident
    assert records.timeline("i1") == [TimelineEntry(100.0, "detector", "opened", "")]


def test_an_account_has_at_most_one_incident_that_is_not_closed(records: Records, make_incident: Make) -> None:
    first = records.open_incident(make_incident("i1"))
    assert records.open_incident(make_incident("i2", opened_at=200.0)) == first
    assert [one.incident_id for one in records.incidents()] == ["i1"]
    records.apply("i1", Event.DISMISS, 300.0, "olga")
    assert records.open_incident(make_incident("i2")).incident_id == "i2"


def test_an_incident_that_is_opened_once_more_after_it_was_closed_stays_closed(
    records: Records, make_incident: Make
) -> None:
    records.open_incident(make_incident())
    records.apply("i1", Event.DISMISS, 200.0, "olga")
    assert records.open_incident(make_incident()).state is State.CLOSED
    assert records.standing().blocks == {}


def test_incidents_are_listed_newest_first_and_chosen_by_state_and_account(
    records: Records, make_incident: Make
) -> None:
    for number, account in enumerate(("ann", "bob", "cid")):
        records.open_incident(make_incident(f"i{number}", account, opened_at=float(number)))
    records.apply("i1", Event.DISMISS, 200.0, "olga")

    def listed(state: State | None = None, account: str | None = None, limit: int = 100) -> list[str]:
        return [one.incident_id for one in records.incidents(state, account, limit)]

    assert listed() == ["i2", "i1", "i0"]
    assert listed(limit=2) == ["i2", "i1"]
    assert listed(State.OPEN) == ["i2", "i0"]
    assert listed(State.CLOSED) == ["i1"]
    assert listed(account="cid") == ["i2"]
    assert listed(State.OPEN, "bob") == []


def test_a_confirmed_incident_is_a_strike_and_still_a_block(records: Records, make_incident: Make) -> None:
    records.open_incident(make_incident())
    incident, steps = records.apply("i1", Event.CONFIRM, 200.0, "olga", "spam in the sample")
    assert (incident.state, incident.changed_at, steps) == (State.CONFIRMED, 200.0, PUNISH)
    assert records.incident("i1") == incident
    assert records.strikes("ann@example.org") == [Strike("ann@example.org", "i1", 200.0)]
    assert records.strikes("ann@example.org", since=200.5) == []
    assert records.strikes("bob@example.org") == []
    assert records.standing().blocks == {"ann@example.org": "i1"}
    assert records.timeline("i1")[-1] == TimelineEntry(200.0, "olga", "confirm", "spam in the sample")
    entry = records.audit_log(1)[0]
    assert (entry.actor, entry.action, entry.subject) == ("olga", "confirm", "i1")


def test_a_release_lifts_the_block_and_forgives_and_keeps_the_strike(records: Records, make_incident: Make) -> None:
    records.open_incident(make_incident())
    records.apply("i1", Event.CONFIRM, 200.0, "olga")
    records.apply("i1", Event.RELEASE, 300.0, "olga")
    assert records.standing().blocks == {}
    (forgiven,) = records.forgiven_since(0)
    assert (forgiven.account, forgiven.at) == ("ann@example.org", 300.0)
    assert len(records.strikes("ann@example.org")) == 1


def test_a_dismissal_after_the_confirmation_withdraws_the_strike(records: Records, make_incident: Make) -> None:
    records.open_incident(make_incident())
    records.apply("i1", Event.CONFIRM, 200.0, "olga")
    records.apply("i1", Event.DISMISS, 300.0, "olga")
    assert records.strikes("ann@example.org") == []


def test_an_event_that_is_not_possible_changes_nothing(records: Records, make_incident: Make) -> None:
    records.open_incident(make_incident())
    before = records.change_token()
    with pytest.raises(IllegalTransition, match="incident i1 is open: release is not possible"):
        records.apply("i1", Event.RELEASE, 200.0, "olga")
    assert records.incident("i1").state is State.OPEN
    assert events(records, "i1") == ["opened"]
    assert [entry.action for entry in records.audit_log()] == ["open"]
    assert records.change_token() == before


def test_forgiveness_is_told_in_order_from_where_one_was(records: Records, make_incident: Make) -> None:
    for account in ("ann", "bob", "cid"):
        records.open_incident(make_incident(account, account))
        records.apply(account, Event.DISMISS, 200.0, "olga")
    everything = records.forgiven_since(0)
    assert [one.account for one in everything] == ["ann", "bob", "cid"]
    assert records.forgiven_since(everything[0].sequence) == everything[1:]
    assert records.forgiven_since(records.change_token()) == list[Forgiveness]()


def test_the_timeline_tells_the_steps_of_the_containment(records: Records, make_incident: Make) -> None:
    records.open_incident(make_incident())
    records.record_step("i1", "change_password", "done", 101.0, "passwd-file")
    records.apply("i1", Event.STEPS_DONE, 102.0, "detector")
    assert records.timeline("i1")[1] == TimelineEntry(101.0, "detector", "change_password: done", "passwd-file")
    assert events(records, "i1") == ["opened", "change_password: done", "steps_done"]


def test_the_audit_log_tells_what_the_program_itself_did_to_an_account(records: Records, make_incident: Make) -> None:
    records.open_incident(make_incident())
    records.open_incident(make_incident())  # the same once more
    records.record_step("i1", "change_password", "retried", 101.0, "timed out")
    records.record_step("i1", "change_password", "done", 102.0, "passwd-file")
    records.record_step("i1", "notify_customer", "done", 103.0)
    assert [(one.at, one.actor, one.action, one.subject, one.detail) for one in reversed(records.audit_log())] == [
        (100.0, "detector", "open", "i1", "ann@example.org"),
        (102.0, "detector", "change_password", "i1", "ann@example.org: passwd-file"),
    ]
    assert f"{CHANGE_PASSWORD.step}: {Result.DONE}" == PASSWORD_CHANGED


def test_incidents_are_found_by_the_beginning_of_their_id(records: Records, make_incident: Make) -> None:
    for number, incident_id in enumerate(("3f2a", "3f99", "4000", "3%")):
        records.open_incident(make_incident(incident_id, f"account{number}", opened_at=float(number)))

    def found(prefix: str, limit: int = 10) -> list[str]:
        return [one.incident_id for one in records.incidents_like(prefix, limit)]

    assert found("3f") == ["3f99", "3f2a"]
    assert found("3f", limit=1) == ["3f99"]
    assert found("3%") == ["3%"]
    assert found("5") == []


def test_an_unknown_incident_is_an_error_of_its_own(records: Records) -> None:
    for call in (
        lambda: records.incident("i9"),
        lambda: records.timeline("i9"),
        lambda: records.apply("i9", Event.CONFIRM, 1.0, "olga"),
        lambda: records.record_step("i9", "notify", "done", 1.0),
        lambda: records.claim_password_change("i9", 1.0, 1),
    ):
        with pytest.raises(UnknownIncident, match="there is no incident i9"):
            call()


def test_at_most_so_many_incidents_change_a_password_within_an_hour(records: Records, make_incident: Make) -> None:
    for number in range(4):
        records.open_incident(make_incident(f"i{number}", f"account{number}"))
    assert records.claim_password_change("i0", 1000.0, limit=2)
    assert records.claim_password_change("i1", 2000.0, limit=2)
    assert not records.claim_password_change("i2", 4599.0, limit=2)
    assert records.claim_password_change("i0", 4599.0, limit=2)  # again after a crash: the same change
    assert records.password_changes_since(1000.0) == 1
    assert records.claim_password_change("i2", 4600.0, limit=2)  # the first is an hour old
    assert not records.claim_password_change("i3", 4600.0, limit=2)
    assert not records.claim_password_change("i3", 4600.0, limit=0)


@pytest.mark.parametrize(
    ("event", "state", "told"),
    [
        (Event.DISMISS, HeldState.RELEASING, "held_mail: released"),
        (Event.CONFIRM, HeldState.DISCARDED, "held_mail: discarded"),
    ],
)
def test_a_decision_about_an_incident_is_one_about_its_held_mail(
    records: Records, make_incident: Make, event: Event, state: HeldState, told: str
) -> None:
    records.put_held(a_held_message("t1"))
    records.open_incident(make_incident())
    records.apply("i1", event, 200.0, "olga")
    message = records.held("t1")
    assert message is not None
    assert (message.state, message.decided_by, message.reason) == (state, "olga", f"{event} of the incident")
    assert [(entry.event, entry.detail) for entry in records.timeline("i1")[1:]] == [(event, ""), (told, "1 message")]


def test_a_dismissal_does_not_send_what_a_person_has_thrown_away(records: Records, make_incident: Make) -> None:
    for message_id in ("t1", "t2"):
        records.put_held(replace(a_held_message(message_id), digest=message_id))
    records.open_incident(make_incident())
    records.decide_held(HeldSelection("t1"), HeldDecision.DISCARD, "olga", 150.0, "an offer, seen by us")
    records.apply("i1", Event.CONFIRM, 200.0, "olga")
    records.apply("i1", Event.DISMISS, 300.0, "otto")
    found = records.find_held(HeldSelection(incident="i1"))
    assert {one.message_id: one.state for one in found} == {"t1": HeldState.DISCARDED, "t2": HeldState.RELEASING}
    assert records.timeline("i1")[-1].detail == "1 message"
    assert records.decide_held(HeldSelection(incident="i1"), HeldDecision.RELEASE, "otto", 400.0) == 2


def test_a_dismissal_after_the_confirmation_gives_the_held_mail_back(records: Records, make_incident: Make) -> None:
    records.put_held(a_held_message("t1"))
    records.open_incident(make_incident())
    records.apply("i1", Event.CONFIRM, 200.0, "olga")
    records.apply("i1", Event.DISMISS, 300.0, "olga")
    message = records.held("t1")
    assert message is not None
    assert message.state is HeldState.RELEASING
