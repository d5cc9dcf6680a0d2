"""Lines of a Postfix log become transactions."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.mail.transaction import RecipientStatus, Stream, Transaction
from detector.replay.postfix import PATIENCE, Joiner
from detector.replay.stamps import Calendar
from tests.unit.replay.postfix_log import Log

T = 1_772_700_000.0
ACCEPTED, REFUSED, DEFERRED = RecipientStatus.ACCEPTED, RecipientStatus.REFUSED, RecipientStatus.DEFERRED

STAMPS = (b"Mar  5 10:00:00 ", b"2026-03-05T10:00:00+01:00 ", b"Mar  5 11:30:00 ", b"")
TEXTS = (
    b"4AB1: client=pc[192.0.2.7], sasl_username=ann",
    b"4AB2: client=localhost[127.0.0.1]",
    b"4AB1: from=<a@x.example>, size=1, nrcpt=2 (queue active)",
    b"4AB2: from=<>, size=1, nrcpt=1 (queue active)",
    b"4AB1: to=<x@y.example>, dsn=2.0.0, status=sent (queued as 4AB2)",
    b"4AB1: to=<x@y.example>, dsn=4.0.0, status=deferred",
    b"4AB2: to=<z@y.example>, dsn=5.0.0, status=bounced",
    b"4AB1: removed",
    b"4AB2: removed",
    b"4AB1: ",
    b"",
)


def joined(log: Log, joiner: Joiner | None = None) -> list[Transaction]:
    calendar = Calendar(T)
    return list((joiner or Joiner()).transactions((line, calendar) for line in log.lines))


def statuses(transaction: Transaction) -> dict[str, RecipientStatus]:
    return {str(recipient.address): recipient.status for recipient in transaction.recipients}


def test_the_lines_of_a_message_are_joined_by_its_queue_id() -> None:
    log = Log()
    log.submit(T, "4ABC1", recipients=2)
    log.submit(T, "4ABC2", login="bob")
    log.deliver(T + 1, "4ABC1", "x@a.example")
    log.deliver(T + 2, "4ABC2", "z@c.example", service="lmtp")
    log.deliver(T + 3, "4ABC1", "y@b.example", "5.1.1")
    log.remove(T + 3, "4ABC1")
    bob, ann = joined(log)
    assert (ann.identity.account, ann.client, str(ann.mail_from), ann.size_bytes) == (
        "ann",
        "192.0.2.7",
        "a@x.example",
        1234,
    )
    assert statuses(ann) == {"x@a.example": ACCEPTED, "y@b.example": REFUSED}
    assert ann.recipients[1].reply == "5.1.1"
    assert (ann.received_at, bob.received_at) == (T + 3, T + 2)
    assert bob.identity.account == "bob"


def test_an_account_is_named_in_lower_case_as_the_relay_does() -> None:
    log = Log()
    log.submit(T, "4ABC1", login="Ann@Customer.Example")
    log.deliver(T, "4ABC1", "x@a.example")
    assert [transaction.identity.account for transaction in joined(log)] == ["ann@customer.example"]


def test_mail_without_a_login_is_passed_over() -> None:
    log = Log()
    log.submit(T, "4ABC1", login="")
    log.deliver(T, "4ABC1", "x@a.example")
    joiner = Joiner()
    assert joined(log, joiner) == []
    assert (joiner.count.used, joiner.count.broken, joiner.count.logins) == (3, 0, 0)


def test_a_recipient_that_is_tried_again_comes_again_with_the_same_message_key() -> None:
    log = Log()
    log.submit(T, "4ABC1", recipients=2)
    log.deliver(T, "4ABC1", "x@a.example")
    log.deliver(T, "4ABC1", "y@b.example", "4.2.0")
    log.deliver(T + 900, "4ABC1", "y@b.example", "5.1.1")
    first, second = joined(log)
    assert statuses(first) == {"x@a.example": ACCEPTED, "y@b.example": DEFERRED}
    assert statuses(second) == {"y@b.example": REFUSED}
    assert first.message_key == second.message_key


def test_recipients_do_not_wait_for_slow_ones_for_ever() -> None:
    log = Log()
    log.submit(T, "4ABC1", recipients=2)
    log.deliver(T, "4ABC1", "x@a.example")
    log.submit(T + PATIENCE + 1, "4ABC2")
    log.deliver(T + 2 * PATIENCE, "4ABC1", "y@b.example")
    first, second = joined(log)
    assert first.received_at == T + PATIENCE + 1
    assert statuses(first) == {"x@a.example": ACCEPTED}
    assert statuses(second) == {"y@b.example": ACCEPTED}


def test_a_queue_id_that_is_used_again_is_another_message() -> None:
    log = Log()
    for day in range(2):
        log.submit(T + day * 86400, "4ABC1", login=f"user{day}")
        log.deliver(T + day * 86400, "4ABC1", "x@a.example")
        log.remove(T + day * 86400, "4ABC1")
    first, second = joined(log)
    assert (first.identity.account, second.identity.account) == ("user0", "user1")
    assert first.message_key != second.message_key


def test_a_queue_id_is_unique_on_its_host_only() -> None:
    log, other = Log(), Log("mx2")
    log.submit(T, "4ABC1")
    other.submit(T, "4ABC1", login="bob")
    log.deliver(T, "4ABC1", "x@a.example")
    log.lines[3:3] = other.lines
    assert [transaction.identity.account for transaction in joined(log)] == ["ann"]


def test_what_an_alias_made_of_a_recipient_counts_as_the_recipient() -> None:
    log = Log()
    log.submit(T, "4ABC1")
    log.write(
        T, "local", "4ABC1: to=<ann@x>, orig_to=<club@y>, relay=local, delay=1, delays=1, dsn=2.0.0, status=sent (x)"
    )
    assert statuses(joined(log)[0]) == {"club@y": ACCEPTED}


def test_a_null_reverse_path_is_automatic_mail() -> None:
    log = Log()
    log.submit(T, "4ABC1", sender="")
    log.deliver(T, "4ABC1", "x@a.example")
    assert joined(log)[0].stream is Stream.AUTOMATIC


def test_an_address_verification_is_no_mail() -> None:
    log = Log()
    log.submit(T, "4ABC1")
    log.write(
        T, "smtp", "4ABC1: to=<x@y>, relay=none, delay=1, dsn=5.1.1, status=undeliverable-but-not-cached (User unknown)"
    )
    assert joined(log) == []


@pytest.mark.parametrize("order", ["slow", "fast"])
def test_mail_that_comes_back_from_a_content_filter_is_the_accounts(order: str) -> None:
    log = Log()
    log.submit(T, "4ABC1", recipients=2)
    log.come_back(T + 1, "4ABC2")
    if order == "fast":
        log.deliver(T + 1, "4ABC2", "x@a.example", "5.1.1")
        log.remove(T + 1, "4ABC2")
    log.hand_on(T + 1, "4ABC1", "x@a.example", "4ABC2")
    log.deliver(T + 1, "4ABC1", "y@b.example")
    log.remove(T + 1, "4ABC1")
    if order == "slow":
        log.deliver(T + 2, "4ABC2", "x@a.example", "5.1.1")
        log.remove(T + 2, "4ABC2")
    found = joined(log)
    assert {name: status for one in found for name, status in statuses(one).items()} == {
        "x@a.example": REFUSED,
        "y@b.example": ACCEPTED,
    }
    assert {(one.identity.account, one.client) for one in found} == {("ann", "192.0.2.7")}
    assert len({one.message_key for one in found}) == 1


def test_mail_from_the_host_itself_that_nobody_submitted_is_passed_over() -> None:
    log = Log()
    log.come_back(T, "4ABC2")
    log.deliver(T, "4ABC2", "x@a.example")
    log.remove(T, "4ABC2")
    log.submit(T + PATIENCE + 1, "4ABC3")
    joiner = Joiner()
    assert joined(log, joiner) == []
    assert joiner.count.logins == 1


def test_lines_that_are_cut_or_of_other_programs_do_no_harm() -> None:
    log, joiner = Log(), Joiner()
    log.submit(T, "4ABC1")
    log.deliver(T, "4ABC1", "x@a.example")
    whole = list(log.lines)
    cut = [line[:length] for line in whole for length in range(0, len(line), 3)]
    others = [
        b"",
        b"\xff\xfe\n",
        b"Mar  5 10:00:00 mx kernel: usb 1-1: to=<x>\n",
        b"]: ABC: to=<x@y>\n",
        b"]: : removed",
    ]
    log.lines = [*cut, *others, *whole]
    assert statuses(joined(log, joiner)[-1]) == {"x@a.example": ACCEPTED}
    assert joiner.count.lines == len(log.lines)
    assert 0 < joiner.count.broken < len(cut)


def test_numbers_of_thousands_of_digits_are_broken_lines() -> None:
    log, joiner = Log(), Joiner()
    log.submit(T, "4ABC1")
    log.write(T, "qmgr", f"4ABC1: from=<a@x.example>, size={'9' * 5000}, nrcpt=1 (queue active)")
    log.write(T, "qmgr", f"4ABC1: from=<a@x.example>, size=1, nrcpt={'9' * 5000} (queue active)")
    log.deliver(T, "4ABC1", "x@a.example")
    assert statuses(joined(log, joiner)[0]) == {"x@a.example": ACCEPTED}
    assert joiner.count.broken == 2


def test_a_line_of_no_believable_time_is_broken() -> None:
    log, joiner = Log(), Joiner()
    log.lines = [b"0001-01-01T00:00:00+14:00 mx postfix/smtpd[1]: 4ABC1: client=pc[192.0.2.7], sasl_username=ann\n"]
    assert joined(log, joiner) == []
    assert joiner.count.broken == 1


def test_of_a_message_that_went_to_a_filter_and_was_lost_there_nothing_is_told() -> None:
    log = Log()
    log.lines = [
        b"Mar  5 10:00:00 mx postfix/x[1]: " + text
        for text in (
            b"4AB1: client=pc[192.0.2.7], sasl_username=ann",
            b"4AB2: client=localhost[127.0.0.1]",
            b"4AB1: from=<a@x.example>, size=1, nrcpt=2 (queue active)",
            b"4AB1: to=<x@y.example>, dsn=2.0.0, status=sent (queued as 4AB2)",
        )
    ]
    assert joined(log) == []


@given(st.lists(st.tuples(st.sampled_from(STAMPS), st.sampled_from(TEXTS), st.binary(max_size=12)), max_size=30))
def test_no_order_of_lines_and_no_octets_are_a_fault(parts: list[tuple[bytes, bytes, bytes]]) -> None:
    log, joiner = Log(), Joiner()
    log.lines = [stamp + b"mx postfix/x[1]: " + text + rest for stamp, text, rest in parts]
    assert all(transaction.recipients and transaction.identity.known for transaction in joined(log, joiner))
    assert joiner.count.used + joiner.count.broken <= joiner.count.lines == len(parts)


def test_unfinished_messages_are_given_up_beyond_the_bound() -> None:
    log = Log()
    for number in range(10):
        log.submit(T, f"4ABC{number}")
    for number in range(10):
        log.deliver(T, f"4ABC{number}", "x@a.example")
    found = joined(log, Joiner(most_open=3))
    assert [transaction.transaction_id for transaction in found] == ["4ABC7", "4ABC8", "4ABC9"]


@pytest.mark.corpora
def test_real_lines_of_all_kinds_are_taken_without_a_fault(corpora: Path) -> None:
    texts = [
        line.removeprefix("data:").strip().strip("\"'")
        for path in sorted((corpora / "feedback" / "logs").rglob("*.yaml"))
        for line in path.read_text("utf-8").splitlines()
        if line.startswith("data:")
    ]
    log, joiner = Log(), Joiner()
    for text in texts:
        log.submit(T, text.partition(":")[0])
        log.write(T, "smtp", text)
    found = joined(log, joiner)
    assert len(texts) > 100
    assert len(found) > 10
    assert joiner.count.broken == 0
