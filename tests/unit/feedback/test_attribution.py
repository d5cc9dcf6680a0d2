"""A line counts only for a message and a recipient that we handed over."""

from collections.abc import AsyncIterator, Collection, Mapping
from pathlib import Path

import pytest

from detector.feedback.attribution import MOST_ARRIVED, REQUEUE_TIME, Attribution
from detector.feedback.notices import Arrived, Attempt, Notice, Outcome
from detector.mail.delivery import Delivery, DeliveryStatus, Handed
from detector.mail.status_codes import Cause
from detector.metrics import Metrics
from detector.state.handed_over import MemoryHandedOver
from tests.support.feedback import KEY, MTA, NOW, hand_over, hashed

LINE = b"Mar  5 10:00:00 mx1 postfix/smtp[4711]: 4AB1: to=<bob@y.example>"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[MemoryHandedOver]:
    store = MemoryHandedOver(tmp_path / "handed_over.sqlite", 1.0, 864_000.0, 1000, Metrics("test"))
    await hand_over(store, "4AB1", ["bob@y.example", "cid@y.example"], message_id="1@pc.example")
    yield store
    store.close()


@pytest.fixture
def attribution(store: MemoryHandedOver) -> Attribution:
    return Attribution("log", [MTA], store, KEY, frozenset({"10025"}))


def sent(queue_id: str = "4AB1", to: str = "bob@y.example", next_id: str = "", relay: str = "mx:25") -> Attempt:
    return Attempt(queue_id, (to,), Outcome.SENT, "2.0.0", "250 ok", LINE, relay, next_id)


def failed(outcome: Outcome, enhanced: str, reply: str) -> Attempt:
    return Attempt("4AB1", ("bob@y.example",), outcome, enhanced, reply, LINE, "mx:25")


async def found(attribution: Attribution, attempt: Attempt) -> Delivery:
    delivery = await attribution.delivery(attempt, NOW + 1)
    assert isinstance(delivery, Delivery)
    return delivery


async def test_a_delivery_is_laid_at_the_door_of_its_account(attribution: Attribution) -> None:
    delivery = await found(attribution, sent())
    assert (delivery.account, delivery.transaction_id, delivery.recipient) == ("ann", "t-4AB1", hashed("bob@y.example"))
    assert (delivery.status, delivery.at, delivery.source) == (DeliveryStatus.DELIVERED, NOW + 1, "log")
    assert not delivery.weak


@pytest.mark.parametrize(
    ("outcome", "enhanced", "reply", "status"),
    [
        (Outcome.BOUNCED, "5.1.1", "550 5.1.1 User unknown", DeliveryStatus.BOUNCED),
        (Outcome.DEFERRED, "4.2.2", "452 4.2.2 Mailbox full", DeliveryStatus.DEFERRED),
        (Outcome.BOUNCED, "5.7.1", "554 5.7.1 This message looks like spam", DeliveryStatus.BLOCKED),
        (Outcome.BOUNCED, "5.7.1", "550 client [192.0.2.7] blocked using zen.spamhaus.org", DeliveryStatus.BLOCKED),
    ],
)
async def test_what_a_server_says_is_understood(
    attribution: Attribution, outcome: Outcome, enhanced: str, reply: str, status: DeliveryStatus
) -> None:
    delivery = await found(attribution, failed(outcome, enhanced, reply))
    assert (delivery.status, delivery.enhanced) == (status, enhanced)
    assert isinstance(delivery.cause, Cause)


async def test_no_address_is_kept(attribution: Attribution) -> None:
    reply = "550 5.1.1 <bob@y.example>: unknown, ask (postmaster@y.example); ann@x.example"
    delivery = await found(attribution, failed(Outcome.BOUNCED, "5.1.1", reply))
    assert delivery.reply == "550 5.1.1 <(address)>: unknown, ask ((address)); (address)"
    assert len((await found(attribution, failed(Outcome.BOUNCED, "5.1.1", "x" * 5000))).reply) == 500


async def test_the_same_line_again_has_the_same_key_and_no_other(attribution: Attribution) -> None:
    one = sent()
    later = one._replace(line=LINE.replace(b"00:00", b"00:01"))
    keys = [(await found(attribution, attempt)).key for attempt in (one, one, later)]
    assert keys[0] == keys[1] != keys[2]


async def test_messages_and_recipients_of_others_count_for_nobody(attribution: Attribution) -> None:
    assert await attribution.delivery(sent("4ZZ9"), NOW) == "stranger"
    assert await attribution.delivery(sent(to="eve@y.example"), NOW) == "stranger"


async def test_the_same_queue_id_on_another_server_is_another_message(store: MemoryHandedOver) -> None:
    other = Attribution("other", ["192.0.2.2:25"], store, KEY)
    assert await other.delivery(sent(), NOW) == "stranger"
    assert isinstance(await Attribution("both", ["192.0.2.2:25", MTA], store, KEY).delivery(sent(), NOW), Delivery)


async def test_what_the_submission_server_hears_from_us_is_no_news(attribution: Attribution) -> None:
    assert await attribution.delivery(sent(relay="127.0.0.1[127.0.0.1]:10025"), NOW) == "other"


async def test_an_alias_counts_for_the_address_that_the_account_wrote_to(attribution: Attribution) -> None:
    attempt = sent()._replace(recipients=("bob@y.example", "robert@z.example"))
    assert (await found(attribution, attempt)).recipient == hashed("bob@y.example")


async def test_what_many_lines_name_is_asked_for_once(
    attribution: Attribution, store: MemoryHandedOver, monkeypatch: pytest.MonkeyPatch
) -> None:
    questions: list[int] = []
    find_all = MemoryHandedOver.by_queue_ids

    async def counted(
        self: MemoryHandedOver, receipts: Collection[tuple[str, str]]
    ) -> Mapping[tuple[str, str], Handed]:
        questions.append(len(receipts))
        return await find_all(self, receipts)

    monkeypatch.setattr(MemoryHandedOver, "by_queue_ids", counted)
    notices: list[Notice] = [
        Arrived("4AB2", ""),
        sent(next_id="4AB2"),
        sent("4AB2"),
        *(sent(f"S{number}") for number in range(100)),
    ]
    await attribution.look_up(notices)
    told = [await attribution.delivery(notice, NOW) for notice in notices]
    assert told[:2] == ["other", "passed"]
    assert isinstance(told[2], Delivery)  # it became known after we had asked
    assert told[3:] == ["stranger"] * 100
    assert questions == [102 * 3]


# -- content filters --


async def test_mail_that_a_filter_gives_back_is_known_by_what_the_filter_answers(attribution: Attribution) -> None:
    await attribution.delivery(Arrived("4AB2", ""), NOW)
    assert await attribution.delivery(sent(next_id="4AB2"), NOW) == "passed"
    delivery = await found(attribution, sent("4AB2"))
    assert (delivery.account, delivery.weak) == ("ann", False)


async def test_a_message_id_is_a_weak_tie_until_the_filter_answers(attribution: Attribution) -> None:
    await attribution.delivery(Arrived("4AB2", "1@pc.example"), NOW)
    assert (await found(attribution, sent("4AB2"))).weak
    assert await attribution.delivery(sent(next_id="4AB2"), NOW) == "passed"
    assert not (await found(attribution, sent("4AB2"))).weak


async def test_mail_that_a_filter_gives_back_is_known_by_its_message_id(attribution: Attribution) -> None:
    await attribution.delivery(Arrived("4AB2", "1@pc.example"), NOW)
    delivery = await found(attribution, sent("4AB2", to="cid@y.example"))
    assert (delivery.account, delivery.weak) == ("ann", True)
    assert await attribution.delivery(sent("4AB2", to="eve@y.example"), NOW) == "stranger"


async def test_a_filter_is_known_by_the_next_process_too(attribution: Attribution, store: MemoryHandedOver) -> None:
    await attribution.delivery(Arrived("4AB2", "1@pc.example"), NOW)
    again = Attribution("log", [MTA], store, KEY)
    assert await again.delivery(sent(next_id="4AB2"), NOW) == "passed"
    assert (await found(again, sent("4AB2"))).account == "ann"


async def test_a_queue_id_of_another_host_is_a_delivery(attribution: Attribution) -> None:
    assert (await found(attribution, sent(next_id="9ZZ9"))).status is DeliveryStatus.DELIVERED


async def test_a_message_id_that_two_accounts_used_counts_for_neither(
    attribution: Attribution, store: MemoryHandedOver
) -> None:
    await hand_over(store, "4AC1", ["bob@y.example"], account="eve", message_id="1@pc.example")
    await attribution.delivery(Arrived("4AB2", "1@pc.example"), NOW)
    assert await attribution.delivery(sent("4AB2"), NOW) == "stranger"


async def test_a_message_id_of_long_ago_says_nothing(attribution: Attribution) -> None:
    await attribution.delivery(Arrived("4AB2", "1@pc.example"), NOW + REQUEUE_TIME + 1)
    assert await attribution.delivery(sent("4AB2"), NOW) == "stranger"


async def test_a_message_of_ours_is_not_another_one_because_of_its_message_id(
    attribution: Attribution, store: MemoryHandedOver
) -> None:
    await hand_over(store, "4AC1", ["bob@y.example"], account="eve", message_id="2@x")
    await attribution.delivery(Arrived("4AC1", "1@pc.example"), NOW)
    assert (await found(attribution, sent("4AC1"))).account == "eve"


async def test_what_came_up_long_ago_is_forgotten(attribution: Attribution) -> None:
    await attribution.delivery(Arrived("4AB2", ""), NOW)
    for number in range(MOST_ARRIVED):
        await attribution.delivery(Arrived(f"N{number}", ""), NOW)
    assert await attribution.delivery(sent("4AB2"), NOW) == "stranger"
    assert (await found(attribution, sent(next_id="4AB2"))).account == "ann"
