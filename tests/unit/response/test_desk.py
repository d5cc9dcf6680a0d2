"""The desk: blocks that hold at once and for good, decisions of people that reach the relay, records that fail."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from msgspec.structs import replace

from detector.incident.incident import Event, Incident
from detector.mail.address import Address
from detector.mail.transaction import Identity, Recipient, RecipientStatus, Stream, Transaction
from detector.metrics import Metrics
from detector.ports import Temporary
from detector.records.book import Book
from detector.records.records import Exemption, Records
from detector.response.desk import Desk
from detector.traffic.profile import Profile
from detector.verdict.answer import Answer, Kind
from tests.support.relay_house import DictProfiles
from tests.support.response import NOW, VERDICT

ANN = "ann@example.org"


class _Containment:
    def __init__(self) -> None:
        self.opened: list[str] = []
        self.steps = 0

    def open(self, incident_id: str) -> None:
        self.opened.append(incident_id)

    def keep_in_step(self) -> None:
        self.steps += 1


class _Unreliable(Records):
    """The real records, sometimes out of reach."""

    out_of_reach = False

    def open_incident(self, incident: Incident) -> Incident:
        if self.out_of_reach:
            raise Temporary("the disk is full")
        return super().open_incident(incident)


@pytest.fixture
def records(tmp_path: Path) -> Iterator[_Unreliable]:
    opened = _Unreliable(f"sqlite:///{tmp_path}/records.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def desk(records: _Unreliable) -> Desk:
    ids = count(1)
    return Desk(
        records=records,
        book=Book(),
        profiles=DictProfiles(),
        containment=_Containment(),  # type: ignore[arg-type]
        clock=lambda: NOW,
        metrics=Metrics("test"),
        new_id=lambda: f"i{next(ids)}",
    )


def _transaction(account: str = ANN) -> Transaction:
    recipients = (Recipient(Address("bob", "example.net"), RecipientStatus.REFUSED, "5.1.1"),)
    identity = Identity(account, "policy-service", trusted=True)
    return Transaction(
        "t1", "k", identity, "192.0.2.7", "pc", Address("ann", "example.org"), recipients, Stream.PERSONAL, NOW
    )


def _degraded(desk: Desk) -> float | None:
    return desk.metrics.registry.get_sample_value("detector_state_degraded", {"store": "records"})


async def test_a_block_is_durable_when_the_incident_is_open(desk: Desk, records: _Unreliable) -> None:
    await desk.open_incident(_transaction(), VERDICT)
    assert records.standing().blocks == {ANN: "i1"}
    assert desk.book.blocked(ANN)
    assert desk.containment.opened == ["i1"]  # type: ignore[attr-defined]


async def test_the_facts_name_no_recipient(desk: Desk, records: _Unreliable) -> None:
    await desk.open_incident(_transaction(), VERDICT)
    assert "bob" not in str(records.incident("i1").facts)


async def test_what_came_back_opens_an_incident_that_says_so(desk: Desk, records: _Unreliable) -> None:
    answer = Answer(ANN, "t7", b"8octets1", Kind.REFUSED, NOW, trusted=True)
    for _ in range(2):
        await desk.open_afterwards(answer, VERDICT, "12 recipients do not exist")
    (incident,) = records.incidents()
    assert (incident.account, incident.trusted, incident.transaction_id) == (ANN, True, "t7")
    assert incident.facts == {"came back": "12 recipients do not exist", "recipients": "about 0 within 24 hours"}
    assert desk.book.blocked(ANN)


async def test_one_account_has_one_incident(desk: Desk, records: _Unreliable) -> None:
    for _ in range(3):
        await desk.open_incident(_transaction(), VERDICT)
    assert [incident.incident_id for incident in records.incidents()] == ["i1"]


async def test_a_block_holds_while_the_records_are_out_of_reach_and_is_written_later(
    desk: Desk, records: _Unreliable
) -> None:
    records.out_of_reach = True
    await desk.open_incident(_transaction(), VERDICT)
    assert (desk.book.blocked(ANN), _degraded(desk)) == (True, 1)
    await desk.keep_in_step()
    assert _degraded(desk) == 1
    records.out_of_reach = False
    await desk.keep_in_step()
    assert (records.standing().blocks, _degraded(desk)) == ({ANN: "i1"}, 0)


async def test_what_another_process_decided_is_taken_over(desk: Desk, records: _Unreliable, tmp_path: Path) -> None:
    await desk.open_incident(_transaction(), VERDICT)
    await desk.keep_in_step()
    elsewhere = Records(f"sqlite:///{tmp_path}/records.sqlite")
    elsewhere.apply("i1", Event.DISMISS, NOW, "operator")
    elsewhere.exempt(Exemption("bob@example.org", None, "operator", ""), NOW)
    elsewhere.close()
    await desk.keep_in_step()
    assert not desk.book.blocked(ANN)
    assert desk.book.exempt("bob@example.org", NOW)


async def test_a_dismissed_account_does_not_meet_its_old_evidence_again(desk: Desk, records: _Unreliable) -> None:
    suspicious = Profile(suspicious_day=int(NOW // 86_400))
    desk.profiles.profiles[ANN] = suspicious  # type: ignore[attr-defined]
    await desk.open_incident(_transaction(), VERDICT)
    records.apply("i1", Event.DISMISS, NOW, "operator")
    await desk.keep_in_step()
    assert (await desk.profiles.read(ANN)).suspicious_day == 0


async def test_a_restart_knows_who_is_blocked(desk: Desk, records: _Unreliable) -> None:
    await desk.open_incident(_transaction(), VERDICT)
    desk.book = Book()
    await desk.start()
    assert desk.book.blocked(ANN)


async def test_only_the_worst_verdict_of_an_account_is_kept_each_time(desk: Desk, records: _Unreliable) -> None:
    for _ in range(50):
        desk.note(_transaction(), VERDICT)
    await desk.keep_in_step()
    assert len(records.verdicts(ANN)) == 1


async def test_what_was_learned_of_an_account_that_is_forgotten_is_erased(desk: Desk, records: _Unreliable) -> None:
    profiles = desk.profiles.profiles  # type: ignore[attr-defined]
    profiles[ANN] = profiles["bob"] = Profile(suspicious_day=7)
    await desk.start()
    records.forget(ANN, ("greta", NOW, "asked"), NOW, 0.0)
    await desk.keep_in_step()
    assert (profiles[ANN], profiles["bob"]) == (Profile(), Profile(suspicious_day=7))
    profiles[ANN] = Profile(suspicious_day=8)  # it sends again
    records.exempt(Exemption("bob", None, "olga", ""), NOW)
    await desk.keep_in_step()
    assert profiles[ANN] == Profile(suspicious_day=8)


async def test_a_server_that_was_off_erases_when_it_starts_unless_the_account_has_sent_since(
    desk: Desk, records: _Unreliable
) -> None:
    profiles = desk.profiles.profiles  # type: ignore[attr-defined]
    for account, at in ((ANN, NOW - 1.0), ("bob", NOW + 1.0)):
        profiles[account] = replace(Profile(), counters=replace(Profile().counters, updated_at=at))
        records.reset_profile(account, "olga", NOW, "moved")
    await desk.start()
    assert profiles[ANN] == Profile()
    assert profiles["bob"].counters.updated_at == NOW + 1.0
