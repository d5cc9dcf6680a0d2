"""The desk: blocks that hold at once and for good, what is noted for people, and records that fail."""

import threading
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from detector.incident.incident import Incident
from detector.mail.address import Address
from detector.mail.transaction import Identity, Recipient, RecipientStatus, Stream, Transaction
from detector.metrics import Metrics
from detector.ports import Temporary
from detector.records.book import Book
from detector.records.records import Exemption, Records
from detector.response.desk import UNCONFIRMED, Desk
from detector.verdict.answer import Answer, Kind
from tests.support.ports import PATIENCE
from tests.support.response import NOW, VERDICT

ANN = "ann@example.org"


class _Unreliable(Records):
    """The real records, sometimes out of reach."""

    out_of_reach = False
    answers: threading.Event | None = None

    def open_incident(self, incident: Incident) -> Incident:
        if self.out_of_reach:
            raise Temporary("the disk is full")
        if self.answers is not None:
            self.answers.wait(PATIENCE)
        return super().open_incident(incident)


@pytest.fixture
def records(tmp_path: Path) -> Iterator[_Unreliable]:
    opened = _Unreliable(f"sqlite:///{tmp_path}/records.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def opened() -> list[str]:
    return []


@pytest.fixture
def desk(records: _Unreliable, opened: list[str]) -> Desk:
    ids = count(1)
    return Desk(
        records=records,
        book=Book(),
        clock=lambda: NOW,
        metrics=Metrics("test"),
        new_id=lambda: f"i{next(ids)}",
        opened=opened.append,
        patience=60.0,
    )


def _transaction(account: str = ANN) -> Transaction:
    recipients = (Recipient(Address("bob", "example.net"), RecipientStatus.REFUSED, "5.1.1"),)
    identity = Identity(account, "policy-service", trusted=True)
    return Transaction(
        "t1", "k", identity, "192.0.2.7", "pc", Address("ann", "example.org"), recipients, Stream.PERSONAL, NOW
    )


def _degraded(desk: Desk) -> float | None:
    return desk.metrics.registry.get_sample_value("detector_state_degraded", {"store": "records"})


async def test_a_block_is_durable_when_the_incident_is_open(
    desk: Desk, records: _Unreliable, opened: list[str]
) -> None:
    await desk.open_incident(_transaction(), VERDICT)
    assert records.standing().blocks == {ANN: "i1"}
    assert desk.book.blocked(ANN)
    assert opened == ["i1"]


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
    await desk.write()
    desk.in_order()
    assert _degraded(desk) == 1
    records.out_of_reach = False
    await desk.write()
    desk.in_order()
    assert (records.standing().blocks, _degraded(desk)) == ({ANN: "i1"}, 0)


async def test_a_verdict_does_not_wait_for_records_that_do_not_answer(
    desk: Desk, records: _Unreliable, opened: list[str]
) -> None:
    desk.patience, records.answers = 0.01, threading.Event()
    await desk.open_incident(_transaction(), VERDICT)
    await desk.open_incident(_transaction("bob@example.org"), VERDICT)
    assert desk.book.blocked(ANN)
    assert desk.book.blocked("bob@example.org")
    assert (records.standing().blocks, opened, _degraded(desk)) == ({}, [], 1)
    records.answers.set()
    await desk.write()
    desk.in_order()
    assert records.standing().blocks.keys() == {ANN, "bob@example.org"}
    assert (sorted(set(opened)), _degraded(desk)) == (["i1", "i2"], 0)


async def test_a_fault_while_a_block_is_written_is_told_and_it_is_written_later(
    desk: Desk, records: _Unreliable, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(records, "open_incident", lambda _: 1 / 0)
        await desk.open_incident(_transaction(), VERDICT)
    assert "ZeroDivisionError" in capsys.readouterr().out
    assert desk.book.blocked(ANN)
    await desk.write()
    assert records.standing().blocks == {ANN: "i1"}


async def test_only_the_worst_verdict_of_an_account_is_kept_each_time(desk: Desk, records: _Unreliable) -> None:
    for _ in range(50):
        desk.note(_transaction(), VERDICT)
    await desk.write()
    assert len(records.verdicts(ANN)) == 1


async def test_what_is_taken_over_waits_for_a_condition_and_then_is_as_it_was_before_it(
    desk: Desk, records: _Unreliable
) -> None:
    conditions = [False, True]

    async def condition() -> bool:
        records.unexempt(ANN, "olga", NOW)
        return conditions.pop(0)

    records.exempt(Exemption(ANN, None, "olga", ""), NOW)
    assert (await desk.take_over(condition), desk.book.exempt(ANN, NOW)) == (False, False)
    records.exempt(Exemption(ANN, None, "olga", ""), NOW)
    assert (await desk.take_over(condition), desk.book.exempt(ANN, NOW)) == (True, True)


class _News:
    """Everybody hears everything at once."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = [("bob@example.org", "elsewhere")]

    def tell(self, account: str, incident_id: str) -> None:
        self.told.append((account, incident_id))

    async def listen(self, hear: Callable[[str, str], None]) -> None:
        for one in self.told:
            hear(*one)


async def test_blocks_are_told_to_other_processes_and_theirs_are_heeded_for_a_while(
    desk: Desk, records: _Unreliable
) -> None:
    now = [NOW]
    desk.news, desk.clock = _News(), lambda: now[0]
    await desk.open_incident(_transaction(), VERDICT)
    assert desk.news.told[1:] == [(ANN, "i1")]
    await desk.listen()
    assert desk.book.blocked("bob@example.org")
    await desk.open_incident(_transaction("bob@example.org"), VERDICT)
    assert [incident.account for incident in records.incidents()] == [ANN]  # the other process writes its own
    now[0] += UNCONFIRMED + 1.0
    desk.in_order()
    assert not desk.book.blocked("bob@example.org")
    assert desk.book.blocked(ANN)
