"""Terminations are decided by people, and a customer's code works once."""

from pathlib import Path

import pytest

from detector.incident.incident import Event, IllegalTransition, State
from detector.records.entries import Offer, Termination
from detector.records.records import Records
from detector.records.returning import OFFER_EVERY
from detector.records.way_back import MOST_TRIES, hashed
from tests.unit.records.conftest import MakeIncident

ANN = "ann@example.org"
CODE = "abcd-efgh-jkmn"


def offer(at: float = 100.0, code: str = CODE) -> Offer:
    return Offer(ANN, at, "salt", code)


@pytest.fixture
def contained(records: Records, make_incident: MakeIncident) -> str:
    records.open_incident(make_incident())
    records.apply("i1", Event.STEPS_DONE, 110.0, "detector")
    return "i1"


def confirmed(records: Records, make_incident: MakeIncident, name: str, account: str = ANN) -> None:
    records.open_incident(make_incident(name, account))
    records.apply(name, Event.CONFIRM, 200.0, "olga")


def test_accounts_with_the_most_strikes_come_first(records: Records, make_incident: MakeIncident) -> None:
    confirmed(records, make_incident, "b1", "bob")
    for number in range(2):
        confirmed(records, make_incident, f"a{number}")
        records.apply(f"a{number}", Event.RELEASE, 300.0, "olga")
    assert records.accounts_with_strikes(since=0.0) == [ANN, "bob"]
    assert records.accounts_with_strikes(since=200.5) == []


def test_while_the_service_is_ended_nobody_releases_the_account(records: Records, make_incident: MakeIncident) -> None:
    confirmed(records, make_incident, "i1")
    assert records.termination(ANN) is None
    ended = Termination(ANN, 250.0, "olga", ended=True, reason="third time")
    records.decide_termination(ended)
    assert records.termination(ANN) == ended
    with pytest.raises(IllegalTransition, match=r"olga has ended the service of ann@example\.org"):
        records.apply("i1", Event.RELEASE, 260.0, "ben")
    assert records.standing().blocks == {ANN: "i1"}
    records.decide_termination(Termination(ANN, 270.0, "olga", ended=False, reason="new contract"))
    records.apply("i1", Event.RELEASE, 280.0, "ben")
    assert records.standing().blocks == {}


def test_what_people_decide_about_the_service_is_in_the_audit_log(records: Records) -> None:
    records.decide_termination(Termination(ANN, 250.0, "olga", ended=True, reason="third time"))
    entry = records.audit_log(1)[0]
    assert (entry.actor, entry.action, entry.subject, entry.detail) == ("olga", "end service", ANN, "third time")


def test_the_customers_code_ends_the_block_with_a_strike_and_a_probation(records: Records, contained: str) -> None:
    assert records.offer_self_release(contained, offer())
    incident = records.self_release(contained, CODE, 200.0, "portal")
    assert incident is not None
    assert incident.state is State.CLOSED
    assert len(records.strikes(ANN)) == 1
    (forgiven,) = records.forgiven_since(0)
    assert forgiven.probation
    assert records.verify_audit() > 0


def test_blanks_and_hyphens_of_a_code_do_not_count(records: Records, contained: str) -> None:
    records.offer_self_release(contained, offer())
    assert records.self_release(contained, " abcd efghjkmn", 200.0, "portal") is not None


def test_a_wrong_code_releases_nobody_and_five_of_them_void_the_right_one(records: Records, contained: str) -> None:
    records.offer_self_release(contained, offer())
    for _ in range(MOST_TRIES + 3):
        assert records.self_release(contained, "wrong", 200.0, "portal") is None
    assert records.self_release(contained, CODE, 200.0, "portal") is None
    told = [entry.event for entry in records.timeline(contained)]
    assert told.count("self_release: wrong code") == MOST_TRIES
    assert records.incident(contained).state is State.CONTAINED


def test_without_an_offer_no_code_is_right(records: Records, contained: str) -> None:
    assert records.self_release(contained, "", 200.0, "portal") is None


def test_the_code_stays_good_while_the_containment_runs(records: Records, make_incident: MakeIncident) -> None:
    records.open_incident(make_incident())
    records.offer_self_release("i1", offer())
    with pytest.raises(IllegalTransition):
        records.self_release("i1", CODE, 200.0, "portal")
    records.apply("i1", Event.STEPS_DONE, 210.0, "detector")
    assert records.self_release("i1", CODE, 220.0, "portal") is not None


def test_a_notice_that_is_written_again_has_a_new_code(records: Records, contained: str) -> None:
    records.offer_self_release(contained, offer(code="first"))
    assert records.offer_self_release(contained, offer(code="second"))
    assert records.self_release(contained, "first", 200.0, "portal") is None
    assert records.self_release(contained, "second", 200.0, "portal") is not None


def test_an_account_is_offered_a_code_once_in_thirty_days(records: Records, make_incident: MakeIncident) -> None:
    for name in ("i1", "i2", "i3"):
        records.open_incident(make_incident(name))
        records.apply(name, Event.DISMISS, 110.0, "olga")
    assert records.offer_self_release("i1", offer(at=100.0))
    assert not records.offer_self_release("i2", offer(at=100.0 + OFFER_EVERY - 1))
    assert records.offer_self_release("i3", offer(at=100.0 + OFFER_EVERY))


def test_no_code_is_kept(sqlite_url: str, make_incident: MakeIncident) -> None:
    records = Records(sqlite_url)
    records.open_incident(make_incident())
    records.offer_self_release("i1", offer())
    records.close()
    content = Path(sqlite_url.removeprefix("sqlite:///")).read_bytes()
    assert b"abcd" not in content
    assert hashed(CODE, "salt").encode() in content


def test_the_repr_of_an_offer_hides_the_code() -> None:
    assert CODE not in repr(offer())
