"""Who may pass, by what incidents and people decided."""

from collections.abc import Callable

import pytest

from detector import config
from detector.mail.transaction import Identity, RecipientStatus
from detector.metrics import Metrics
from detector.records.book import Book
from detector.records.entries import Exemption, Standing
from detector.relay import replies
from detector.relay.gate import Gate
from detector.traffic.counting import Met, Origin, count
from detector.traffic.profile import Profile
from tests.histories import transaction

Settings = Callable[..., config.Config]
NOW = 1.7e9
ANN = Identity("ann", "test", trusted=True)


def gate(settings: config.Config, *, blocked: bool = False, exemption: Exemption | None = None) -> Gate:
    book = Book()
    book.replace(Standing({"ann": "i1"} if blocked else {}, {"ann": exemption} if exemption else {}))
    return Gate(settings, book, Metrics("test"), lambda: NOW)


def sent_to(recipients: int) -> Profile:
    people = [(f"u{number}@d{number}.example", RecipientStatus.ACCEPTED) for number in range(recipients)]
    return count(Profile(), transaction(1, people), Met(Origin(0, 0), [True] * recipients), NOW, b"key")


DECLARED = Exemption("ann", None, "eve", "", recipients_per_day=100)
WITHOUT_CEILING = Exemption("ann", None, "eve", "")
PAST = Exemption("ann", NOW - 1.0, "eve", "")


def test_a_blocked_account_is_stopped(settings: Settings) -> None:
    assert gate(settings()).stopped(ANN) is None
    assert gate(settings(), blocked=True).stopped(ANN) is replies.ACCOUNT_DEFERRED
    before_queue = settings('mode = "before-queue"')
    assert gate(before_queue, blocked=True).stopped(ANN) is replies.ACCOUNT_SUSPENDED
    assert gate(before_queue, blocked=True).stopped(Identity("ann", "", trusted=False)) is replies.ACCOUNT_DEFERRED


@pytest.mark.parametrize(("exemption", "stopped"), [(WITHOUT_CEILING, False), (DECLARED, True), (PAST, True)])
def test_only_an_exemption_without_ceilings_lets_a_blocked_account_through(
    settings: Settings, exemption: Exemption, stopped: bool
) -> None:
    assert (gate(settings(), blocked=True, exemption=exemption).stopped(ANN) is not None) is stopped


@pytest.mark.parametrize(
    ("exemption", "recipients", "passes"),
    [(None, 1, False), (PAST, 1, False), (WITHOUT_CEILING, 900, True), (DECLARED, 90, True), (DECLARED, 300, False)],
)
def test_declared_bulk_is_let_through_up_to_its_ceiling(
    settings: Settings, exemption: Exemption | None, recipients: int, passes: bool
) -> None:
    assert gate(settings(), exemption=exemption).lets_through("ann", sent_to(recipients), NOW) is passes


def test_who_only_observes_lets_everybody_through(settings: Settings) -> None:
    watching = gate(settings().model_copy(update={"observe": True}), blocked=True)
    assert watching.stopped(ANN) is None
    assert watching.lets_through("ann", Profile(), NOW)


def test_each_no_of_ours_is_counted_by_its_reason(settings: Settings) -> None:
    one = gate(settings(), blocked=True)
    one.stopped(ANN)
    one.paced(3)
    value = one.metrics.registry.get_sample_value
    for reason in ("account_blocked", "recipient_window"):
        assert value("detector_refusal_reasons_total", {"reason": reason}) == 1
    assert value("detector_recipients_total", {"result": "paced"}) == 3
