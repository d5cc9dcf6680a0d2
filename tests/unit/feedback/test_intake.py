"""Reports count by our tag, for recipients of that transaction; what is forged changes nothing and is counted."""

from collections.abc import Sequence

import pytest

from detector.feedback.intake import Intake
from detector.mail.delivery import Complained, DeliveryStatus, Handed, Receipt
from detector.mail.status_codes import Cause
from detector.mail.tag import TagKey, tag_of
from detector.mail.transaction import Stream
from detector.metrics import Metrics
from detector.ports import Temporary
from detector.reports.ties import Ties
from tests.support.feedback import KEY, MTA, NOW, MemorySink, arf, dsn, hashed
from tests.support.relay_house import HandedList

TAG_KEY = TagKey.of(b"k" * 32)
DAY = 86_400.0
BOB, CID = "bob@example.net", "cid@example.net"
TAG = tag_of("t1", NOW, TAG_KEY)


class Sink(MemorySink):
    def __init__(self) -> None:
        super().__init__()
        self.complaints: list[Complained] = []

    async def complain(self, complaints: Sequence[Complained]) -> None:
        if self.failures:
            raise Temporary("out of reach")
        self.complaints += complaints


class House:
    def __init__(self) -> None:
        self.sink, self.handed_over, self.metrics = Sink(), HandedList(), Metrics("test")
        ties = Ties([TAG_KEY], "X-Hop-Tag", 30 * DAY)
        self.intake = Intake(ties, self.handed_over, self.sink, KEY, self.metrics, lambda: NOW + 60)

    async def has_sent(self, *recipients: str, transaction: str = "t1", account: str = "ann") -> None:
        hashes = frozenset(map(hashed, recipients))
        handed = Handed(account, transaction, Stream.PERSONAL, NOW, hashes, hashes, trusted=True)
        await self.handed_over.remember(Receipt(MTA, f"Q{transaction}", "<1@ann.example>"), handed, NOW)

    def counted(self, kind: str, tie: str) -> float | None:
        return self.metrics.registry.get_sample_value("detector_feedback_reports_total", {"kind": kind, "tie": tie})


@pytest.fixture
def house() -> House:
    return House()


async def test_a_bounce_by_its_tag_is_a_result_of_the_transaction(house: House) -> None:
    await house.has_sent(BOB, CID)
    assert await house.intake.take(dsn(BOB, TAG)) == "tag"
    (one,) = house.sink.deliveries
    assert (one.account, one.transaction_id, one.recipient) == ("ann", "t1", hashed(BOB))
    assert (one.status, one.cause, one.enhanced) == (DeliveryStatus.BOUNCED, Cause.NO_SUCH_USER, "5.1.1")
    assert (one.first_time, one.trusted, one.weak) == (True, True, False)
    assert house.counted("bounce", "tag") == 1


async def test_only_the_transactions_own_recipients_bounce(house: House) -> None:
    await house.has_sent(CID)
    assert await house.intake.take(dsn(BOB, TAG)) == "stranger"
    assert house.sink.deliveries == []


@pytest.mark.parametrize(
    ("tag", "why"),
    [
        (TAG[:-4] + "aaaa", "forged"),
        ("7f.512c.t1.abc", "foreign"),
        (tag_of("t1", NOW - 90 * DAY, TAG_KEY), "expired"),
        (tag_of("t2", NOW, TAG_KEY), "forgotten"),
    ],
)
async def test_what_is_forged_foreign_or_old_changes_nothing_and_is_counted(house: House, tag: str, why: str) -> None:
    await house.has_sent(BOB)
    assert await house.intake.take(dsn(BOB, tag)) == why
    assert await house.intake.take(arf(BOB, tag)) == why
    assert (house.sink.deliveries, house.sink.complaints) == ([], [])
    assert house.counted("bounce", why) == house.counted("complaint", why) == 1


async def test_a_complaint_is_that_of_the_recipient_it_names(house: House) -> None:
    await house.has_sent(BOB, CID)
    assert await house.intake.take(arf(BOB, TAG)) == "tag"
    assert [one.recipient for one in house.sink.complaints] == [hashed(BOB)]


async def test_a_complaint_without_a_name_is_of_the_only_recipient_or_of_nobody_known(house: House) -> None:
    await house.has_sent(BOB)
    await house.intake.take(arf("", TAG))
    await house.intake.take(arf("hidden-3f2a@example.net", TAG))
    await house.has_sent(BOB, CID, transaction="t2")
    await house.intake.take(arf("", tag_of("t2", NOW, TAG_KEY)))
    assert [one.recipient for one in house.sink.complaints] == [hashed(BOB), hashed(BOB), b""]


async def test_a_complaint_without_a_name_is_one_though_the_next_hop_took_the_message_in_parts(house: House) -> None:
    for recipient in (BOB, CID):
        handed = Handed("ann", "t1", Stream.PERSONAL, NOW, frozenset({hashed(recipient)}))
        await house.handed_over.remember(Receipt(MTA, f"Q{recipient}"), handed, NOW)
    await house.intake.take(arf("", TAG))
    await house.intake.take(arf(CID, TAG))
    assert [one.recipient for one in house.sink.complaints] == [b"", hashed(CID)]


async def test_that_a_message_is_late_is_told_as_such(house: House) -> None:
    await house.has_sent(BOB)
    assert await house.intake.take(dsn(BOB, TAG).replace(b"Action: failed", b"Action: delayed")) == "tag"
    assert [(one.status, one.reported) for one in house.sink.deliveries] == [(DeliveryStatus.DEFERRED, True)]


async def test_without_a_tag_the_message_id_is_a_weak_tie(house: House) -> None:
    await house.has_sent(BOB)
    assert await house.intake.take(dsn(BOB)) == "message_id"
    assert await house.intake.take(arf(BOB)) == "message_id"
    assert house.sink.deliveries[0].weak
    assert house.sink.complaints[0].weak


async def test_a_message_id_of_two_accounts_ties_nothing(house: House) -> None:
    await house.has_sent(BOB)
    await house.has_sent(BOB, transaction="t2", account="eve")
    assert await house.intake.take(dsn(BOB)) == "nothing"
    assert house.sink.deliveries == []


async def test_automatic_answers_and_other_mail_are_counted_and_no_more(house: House) -> None:
    vacation = b"From: bob@example.net\nSubject: Out of office\nAuto-Submitted: auto-replied\n\nI am away.\n"
    assert await house.intake.take(vacation) == "none"
    assert await house.intake.take(b"") == "none"
    assert await house.intake.take(b"Subject: hello\n\nhello\n") == "none"
    assert house.counted("automatic", "none") == 1


async def test_what_the_sink_cannot_take_now_is_the_callers_to_try_again(house: House) -> None:
    await house.has_sent(BOB)
    house.sink.failures = 1
    with pytest.raises(Temporary):
        await house.intake.take(dsn(BOB, TAG))
    assert await house.intake.take(dsn(BOB, TAG)) == "tag"
    assert house.counted("bounce", "tag") == 1
