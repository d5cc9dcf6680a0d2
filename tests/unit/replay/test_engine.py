"""The engine of a replay does what the relay does."""

from collections.abc import Iterable

import msgspec
import pytest
from msgspec.structs import replace

from detector.mail.address import Address
from detector.mail.transaction import Identity, Recipient, RecipientStatus, Stream, Transaction
from detector.replay.engine import Engine, Outcome
from detector.replay.events import Complaint, Delivery, Inbound, Tick
from detector.replay.profiles import Profiles
from detector.verdict.hold import PROBATION
from detector.verdict.policy import Policy
from detector.verdict.verdict import Action

DAY = 86_400.0
ACCEPTED, REFUSED, PACED = RecipientStatus.ACCEPTED, RecipientStatus.REFUSED, RecipientStatus.PACED


def mail(number: int, now: float, recipients: list[Recipient], client: str = "192.0.2.7") -> Transaction:
    return Transaction(
        transaction_id=f"t{number}",
        message_key=f"m{number}",
        identity=Identity("ann", "test", trusted=True),
        client=client,
        helo="pc",
        mail_from=Address.parse("ann@customer.example"),
        recipients=tuple(recipients),
        stream=Stream.PERSONAL,
        received_at=now,
    )


def strangers(first: int, count: int, status: RecipientStatus = ACCEPTED) -> list[Recipient]:
    reply = "5.1.1" if status is REFUSED else ""
    return [
        Recipient(Address(f"u{number}", f"d{number % 40}.example"), status, reply)
        for number in range(first, first + count)
    ]


def theft(engine: Engine, start: float = 40 * DAY) -> list[Outcome]:
    """Six weeks of a message a day, then a hundred messages to bought addresses from another network."""
    for day in range(40):
        engine.transact(mail(day, day * DAY, strangers(day % 5, 1)))
    return [
        engine.transact(
            mail(
                1000 + number,
                start + 60.0 * number,
                [*strangers(1000 + 10 * number, 7), *strangers(1007 + 10 * number, 3, REFUSED)],
                client="198.51.100.9",
            )
        )
        for number in range(100)
    ]


def test_a_hijacked_account_is_stopped_once_and_then_all_its_mail_is_rejected(policy: Policy) -> None:
    outcomes = theft(Engine(policy, Profiles()))
    assert sum(outcome.incident for outcome in outcomes) == 1
    begin = next(number for number, outcome in enumerate(outcomes) if outcome.incident)
    assert all(outcome.stopped for outcome in outcomes[begin:])
    verdict = outcomes[begin].verdict
    assert verdict is not None
    assert verdict.action is Action.BLOCK
    assert all(outcome.verdict is None for outcome in outcomes[begin + 1 :])
    assert not any(outcome.stopped for outcome in outcomes[:begin])


def test_who_only_observes_stops_nothing_and_still_says_when_the_incident_begins(policy: Policy) -> None:
    outcomes = theft(Engine(policy, Profiles(), observe=True))
    assert sum(outcome.incident for outcome in outcomes) == 1
    assert not any(outcome.stopped for outcome in outcomes)
    assert all(outcome.verdict is not None for outcome in outcomes)
    assert all(one.status is not PACED for outcome in outcomes for one in outcome.transaction.recipients)
    assert any(outcome.paced for outcome in outcomes)


def test_first_time_recipients_beyond_the_window_wait(policy: Policy) -> None:
    outcome = Engine(policy, Profiles()).transact(mail(1, 0.0, strangers(0, policy.window_start + 5)))
    assert [one.status for one in outcome.transaction.recipients].count(PACED) == outcome.paced == 5
    assert outcome.verdict is not None
    assert outcome.verdict.action is Action.PACE


def test_the_answers_for_recipients_that_wait_are_not_known(policy: Policy) -> None:
    engine = Engine(policy, Profiles())
    engine.transact(mail(1, 0.0, strangers(0, policy.window_start)))
    outcome = engine.transact(mail(2, 1.0, strangers(100, 3, REFUSED)))
    assert {one.status for one in outcome.transaction.recipients} == {PACED}


def test_places_are_free_again_when_mail_was_delivered_long_enough_ago(policy: Policy) -> None:
    engine = Engine(policy, Profiles())
    engine.transact(mail(1, 0.0, strangers(0, policy.window_start)))
    assert engine.transact(mail(2, 1.0, strangers(100, 1))).paced == 1
    assert engine.transact(mail(2, 2 * policy.clean_after, strangers(100, 1))).paced == 0


def test_a_retry_is_not_counted_again(policy: Policy) -> None:
    engine = Engine(policy, Profiles())
    first = engine.transact(mail(1, 0.0, strangers(0, 30)))
    again = engine.transact(mail(1, 60.0, [one for one in first.transaction.recipients if one.status is PACED]))
    assert again.verdict is not None
    assert max(one.value for group in again.verdict.groups for one in group.evidence) == pytest.approx(30, rel=0.05)


def test_the_header_of_mail_that_nobody_may_get_is_never_seen(policy: Policy) -> None:
    engine = Engine(policy, Profiles())
    listed = replace(mail(1, 0.0, strangers(0, 3, REFUSED)), stream=Stream.AUTOMATIC)
    assert engine.transact(listed).transaction.stream is Stream.PERSONAL


def test_mail_that_no_account_answers_for_is_not_judged(policy: Policy) -> None:
    nobody = replace(mail(1, 0.0, strangers(0, 500)), identity=Identity("", "none", trusted=False))
    assert Engine(policy, Profiles()).transact(nobody) == Outcome(nobody, None)


def test_other_events_are_counted(policy: Policy) -> None:
    engine = Engine(policy, Profiles())
    for report in (Tick(1.0), Tick(2.0), Delivery(3.0, "t1", "x@a.example", "5.1.1")):
        engine.hear(report)
    assert engine.heard == {"tick": 2, "delivery": 1}


def large(number: int, now: float, client: str = "192.0.2.7") -> Transaction:
    return mail(number, now, strangers(1000 * number, 100), client)


def settled(engine: Engine) -> float:
    """Six weeks of a message a day; the next day."""
    for day in range(40):
        engine.transact(mail(day, day * DAY, strangers(day % 5, 1)))
    return 40 * DAY


def released(engine: Engine, times: Iterable[float]) -> list[str]:
    return [name for now in times for name in engine.released(now)]


def test_a_held_message_waits_as_a_whole_and_is_on_its_way_once(policy: Policy) -> None:
    profiles = Profiles()
    engine = Engine(policy, profiles)
    now = settled(engine)
    outcome = engine.transact(large(100, now))
    assert outcome.held
    assert not outcome.stopped
    assert outcome.verdict is not None
    assert outcome.verdict.action is Action.HOLD
    known = profiles.get("ann").known
    assert released(engine, [now + PROBATION - 1]) == []
    assert released(engine, [now + PROBATION + minute * 60.0 for minute in range(60)]) == ["t100"]
    assert len(profiles.get("ann").known.hashes) == len(known.hashes) + 100 * known.HASH_BYTES


def test_held_messages_go_in_the_order_in_which_they_came(policy: Policy) -> None:
    engine = Engine(policy, Profiles())
    now = settled(engine)
    assert all(engine.transact(large(100 + number, now + number)).held for number in range(4))
    hours = [now + PROBATION + minute * 60.0 for minute in range(600)]
    assert released(engine, hours) == [f"t{100 + number}" for number in range(4)]


def test_a_thiefs_mail_is_not_released_however_long_it_waits(policy: Policy) -> None:
    engine = Engine(policy, Profiles())
    now = settled(engine)
    assert engine.transact(large(100, now, client="198.51.100.9")).held
    assert released(engine, [now + hour * 3600.0 for hour in range(400)]) == []


def test_bad_answers_to_what_passed_keep_the_rest_waiting(policy: Policy) -> None:
    engine = Engine(policy, Profiles())
    now = settled(engine)
    first = mail(99, now, strangers(0, 20))
    engine.transact(first)
    assert engine.transact(large(100, now + 1)).held
    for recipient in first.recipients[5:15]:
        engine.hear(Delivery(now + 60.0, "t99", str(recipient.address), "5.1.1"))
    assert released(engine, [now + PROBATION + minute * 60.0 for minute in range(60)]) == []


@pytest.mark.parametrize(("bad", "second"), [(0, ["t101"]), (25, [])])
def test_of_a_large_letter_that_reads_badly_one_message_goes_for_the_sake_of_its_answers(
    policy: Policy, bad: int, second: list[str]
) -> None:
    profiles = Profiles()
    engine = Engine(policy, profiles)
    now = settled(engine)
    ann = profiles.get("ann")
    profiles.put("ann", msgspec.structs.replace(ann, reading=ann.reading.weighed(2.9, now)))
    first = large(100, now)
    assert engine.transact(first).held
    assert engine.transact(large(101, now + 1)).held
    assert released(engine, [now + PROBATION - 1, now + PROBATION]) == ["t100"]
    for recipient in first.recipients[:bad]:
        engine.hear(Delivery(now + PROBATION + 60.0, "t100", str(recipient.address), "5.1.1"))
    assert released(engine, [now + PROBATION + minute * 60.0 for minute in range(1, 60)]) == second


def test_who_only_observes_holds_nothing(policy: Policy) -> None:
    engine = Engine(policy, Profiles(), observe=True)
    now = settled(engine)
    outcome = engine.transact(large(100, now))
    assert outcome.verdict is not None
    assert (outcome.verdict.action, outcome.held) == (Action.HOLD, False)
    assert released(engine, [now + DAY / 2]) == []


@pytest.mark.parametrize("report", [
    Delivery(100.0, "t1", "u0@d0.example", "5.1.1"), Delivery(100.0, "t1", "u0@d0.example", "5.7.1"),
    Complaint(100.0, "t1", "u0@d0.example"),
])  # fmt: skip
def test_a_result_told_twice_is_counted_once(policy: Policy, report: Delivery | Complaint) -> None:
    profiles = Profiles()
    engine = Engine(policy, profiles)
    engine.transact(mail(1, 0.0, strangers(0, 3)))
    before = profiles.get("ann")
    engine.hear(report)
    once = profiles.get("ann")
    engine.hear(report)
    assert profiles.get("ann") == once
    assert sum(once.counters.answers) > sum(before.counters.answers)


@pytest.mark.parametrize("report", [
    Delivery(100.0, "t9", "u0@d0.example", "5.1.1"), Complaint(100.0, "t9", "u0@d0.example"),
    Delivery(100.0, "t1", "u0@d0.example", "4.2.2"),
    Delivery(100.0, "t1", "nobody@d0.example", "5.1.1"), Complaint(100.0, "t1", "nobody@d0.example"),
])  # fmt: skip
def test_results_of_mail_or_recipients_never_seen_and_those_that_are_not_final_change_nothing(
    policy: Policy, report: Delivery | Complaint
) -> None:
    profiles = Profiles()
    engine = Engine(policy, profiles)
    engine.transact(mail(1, 0.0, strangers(0, 3)))
    before = profiles.get("ann")
    engine.hear(report)
    assert profiles.get("ann") == before


def test_good_results_widen_the_window_before_its_time(policy: Policy) -> None:
    engine = Engine(policy, Profiles())
    first = mail(1, 0.0, strangers(0, policy.window_start))
    engine.transact(first)
    for recipient in first.recipients:
        engine.hear(Delivery(30.0, "t1", str(recipient.address), "2.0.0"))
    assert engine.transact(mail(2, 60.0, strangers(100, 30))).paced == 0


def test_who_wrote_to_the_account_may_be_written_to_at_any_time(policy: Policy) -> None:
    engine = Engine(policy, Profiles())
    engine.transact(mail(1, 0.0, strangers(0, policy.window_start)))
    engine.hear(Inbound(1.0, "ann", "u100@d20.example"))
    assert engine.transact(mail(2, 2.0, strangers(100, 2))).paced == 1
