"""Format `jsonl`: one line in, one line out."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.mail.transaction import RecipientStatus, Stream
from detector.mail.written import Written
from detector.replay.engine import Engine
from detector.replay.events import Submission
from detector.replay.jsonl import Malformed, answers, transaction_of
from detector.replay.profiles import Profiles
from detector.traffic.memory import KnownRecipients
from detector.traffic.profile import Profile
from detector.verdict.hold import PROBATION
from detector.verdict.policy import Policy

DAY = 86_400.0


def line(number: int, **other: object) -> bytes:
    event = {
        "type": "transaction",
        "id": f"t{number}",
        "time": 1000.0 * number,
        "account": "ann@customer.example",
        "mail_from": "ann@customer.example",
        "client_ip": "192.0.2.7",
        "rcpt_to": ["x@a.example", "y@b.example"],
        "message": "Subject: hello\r\n\r\nhello\r\n",
    }
    return json.dumps(event | other).encode()


def told(engine: Engine, *lines: bytes) -> list[Any]:
    return [json.loads(answer) for answer in answers(lines, engine)]


def test_each_transaction_is_answered_with_its_id_action_and_evidence(policy: Policy) -> None:
    answer = told(Engine(policy, Profiles()), line(1))[0]
    assert (answer["id"], answer["action"]) == ("t1", "accept")
    assert {"group", "signal", "value", "expected", "nats"} == set(answer["evidence"][0])
    assert "incidents" not in answer
    assert "deferred" not in answer


def test_an_answer_does_not_wait_until_the_message_is_learned_from_and_the_next_one_does(policy: Policy) -> None:
    profiles = Profiles()
    replay = iter(answers([line(1), line(2)], Engine(policy, profiles)))
    next(replay)
    assert profiles.get("ann@customer.example") == Profile()
    next(replay)
    assert profiles.get("ann@customer.example").first_seen == 1000.0
    assert next(replay, None) is None
    assert profiles.get("ann@customer.example").counters.updated_at == 2000.0


def test_recipients_beyond_the_window_are_named_as_they_were_written(policy: Policy) -> None:
    recipients = [f"User{number}@A{number}.Example" for number in range(22)]
    answer = told(Engine(policy, Profiles()), line(1, rcpt_to=recipients))[0]
    assert answer["deferred"] == recipients[20:]


def test_an_incident_is_told_once_and_what_follows_is_rejected(policy: Policy) -> None:
    def blast(number: int) -> bytes:
        recipients = [f"u{number}.{n}@d{n}.example" for n in range(20)]
        refused = dict.fromkeys(recipients[:12], "5.1.1")
        return line(number, rcpt_to=recipients, rcpt_status=refused, time=8e6 + number, client_ip="198.51.100.9")

    found = told(Engine(policy, Profiles()), line(1), *[blast(number) for number in range(2, 40)])
    incidents = [answer for answer in found if "incidents" in answer]
    assert [answer["incidents"] for answer in incidents] == [
        [{"account": "ann@customer.example", "kind": "compromise"}]
    ]
    assert incidents[0]["action"] == "reject"
    assert found[-1] == {"id": "t39", "action": "reject"}


def test_other_events_are_answered_with_an_empty_object(policy: Policy) -> None:
    assert told(Engine(policy, Profiles()), b'{"type":"tick","time":1}') == [{}]


def test_an_answer_comes_before_the_next_line_is_read(policy: Policy) -> None:
    read = []

    def lines() -> Any:
        for number in range(3):
            read.append(number)
            yield line(number)

    conversation = iter(answers(lines(), Engine(policy, Profiles())))
    next(conversation)
    assert read == [0]


def test_a_broken_line_ends_the_conversation_with_its_number(policy: Policy) -> None:
    with pytest.raises(Malformed, match=r"^line 2: "):
        told(Engine(policy, Profiles()), line(1), b"oops", line(3))


def test_a_message_that_is_not_octets_is_a_broken_line(policy: Policy) -> None:
    with pytest.raises(Malformed, match=r"^line 1: "):
        told(Engine(policy, Profiles()), line(1, message="\u20ac"))


@pytest.mark.parametrize("time", [-5.0, 0.0, 1e300, 4e9])
def test_an_odd_time_is_answered_like_any_other(policy: Policy, time: float) -> None:
    engine = Engine(policy, Profiles())
    assert [answer["id"] for answer in told(engine, line(1), line(2, time=time), line(3))] == ["t1", "t2", "t3"]


@given(st.binary(max_size=40) | st.from_regex(rb'\{"type":"(tick|transaction)",.{0,40}', fullmatch=True))
def test_whatever_the_line_it_is_malformed_for_a_reason_or_answered_once(policy: Policy, octets: bytes) -> None:
    reasons = list[str]()
    (answer,) = answers([octets], Engine(policy, Profiles()), reasons.append)
    assert isinstance(json.loads(answer), dict)
    assert not reasons or (answer == b"{}" and reasons[0].startswith("line 1: "))


def test_broken_lines_are_skipped_if_so_wished(policy: Policy) -> None:
    reasons: list[str] = []
    found = list(answers([b"oops", line(2)], Engine(policy, Profiles()), reasons.append))
    assert found[0] == b"{}"
    assert json.loads(found[1])["id"] == "t2"
    assert reasons[0].startswith("line 1: ")


def test_a_retry_has_the_key_of_the_first_attempt() -> None:
    first = transaction_of(Submission("t1", 1.0, "ann", ["x@a.example"]), Written.of(b""))
    retry = transaction_of(Submission("t7", 2.0, "ann", ["x@a.example"], retry_of="t1"), Written.of(b""))
    other = transaction_of(Submission("t8", 2.0, "ann", ["x@a.example"]), Written.of(b""))
    assert first.message_key == retry.message_key != other.message_key


def test_one_account_in_two_spellings_is_one_account(policy: Policy) -> None:
    profiles = Profiles()
    inbound = {"type": "inbound", "time": 2000.0, "account": "ANN@customer.example", "mail_from": "friend@c.example"}
    told(Engine(policy, profiles), line(1), line(2, account="Ann@Customer.Example"), json.dumps(inbound).encode())
    known = profiles.get("ann@customer.example").known
    assert profiles.get("ann@customer.example").counters.updated_at == 2000.0
    assert KnownRecipients.hashed("friend@c.example", policy.recipient_key) in known


def test_the_header_section_tells_the_stream() -> None:
    event = Submission("t1", 1.0, "ann", ["x@a.example"], "ann@a.example")
    assert transaction_of(event, Written.of(b"List-Id: <l.example>\r\n\r\nx")).stream is Stream.AUTOMATIC
    assert transaction_of(event, Written.of(b"X: y\r\n\r\nList-Id: <l.example>")).stream is Stream.PERSONAL


def test_the_next_hops_answers_become_states_of_recipients() -> None:
    event = Submission("t1", 1.0, "ann", ["a@x", "b@x", "c@x"], rcpt_status={"a@x": "5.1.1", "b@x": "4.2.2"})
    statuses = [recipient.status for recipient in transaction_of(event, Written.of(b"")).recipients]
    assert statuses == [RecipientStatus.REFUSED, RecipientStatus.DEFERRED, RecipientStatus.ACCEPTED]


def settled_engine(policy: Policy) -> Engine:
    """Ann wrote to one friend a day for a month."""
    engine = Engine(policy, Profiles())
    for day in range(30):
        list(answers([line(day, time=day * DAY, rcpt_to=[f"friend{day % 5}@a.example"])], engine))
    return engine


def test_a_mailing_that_is_too_large_is_held_and_released_with_the_next_answer_after_its_probation(
    policy: Policy,
) -> None:
    engine, begin = settled_engine(policy), 31 * DAY
    letter = line(100, time=begin, rcpt_to=[f"member{number}@d{number}.example" for number in range(80)])
    tick = b'{"type":"tick","time":%d}'
    held, early, *later = told(
        engine, letter, tick % (begin + 1), *[tick % (begin + PROBATION + 60 * minute) for minute in range(60)]
    )
    assert held["action"] == "hold"
    assert "deferred" not in held  # it waits as a whole
    assert early == {}
    assert [answer["released"] for answer in later if answer] == [["t100"]]


def test_a_transaction_may_be_answered_with_what_it_releases(policy: Policy) -> None:
    engine, begin = settled_engine(policy), 31 * DAY
    letter = line(100, time=begin, rcpt_to=[f"member{number}@d{number}.example" for number in range(80)])
    note = line(101, time=begin + DAY / 2, rcpt_to=["friend1@a.example"])
    answer = told(engine, letter, note)[1]
    assert (answer["id"], answer["released"]) == ("t101", ["t100"])


def test_a_thiefs_mail_is_never_released_by_time(policy: Policy) -> None:
    engine, begin = settled_engine(policy), 31 * DAY
    blast = line(
        100, time=begin, client_ip="198.51.100.9", rcpt_to=[f"x{number}@d{number}.example" for number in range(80)]
    )
    hours = [b'{"type":"tick","time":%d}' % (begin + hour * 3600) for hour in range(1, 200)]
    held, *later = told(engine, blast, *hours)
    assert held["action"] == "hold"
    assert not any(later)
