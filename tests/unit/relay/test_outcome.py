import json

import pytest

from detector import log
from detector.mail.address import Address
from detector.mail.headers import Arrival
from detector.mail.reply import Reply
from detector.mail.transaction import Identity, Recipient, RecipientStatus, Stream, Transaction
from detector.metrics import Metrics
from detector.ports import SessionFacts
from detector.relay.draft import Draft
from detector.relay.outcome import ABORTED, outcome_of, tell
from detector.verdict.verdict import Action, Group, GroupScore, Verdict

ANN = Address("ann", "example.net")
RECIPIENTS = (
    Recipient(Address("bob", "example.org"), RecipientStatus.ACCEPTED),
    Recipient(Address("cid", "example.org"), RecipientStatus.REFUSED, "5.1.1"),
    Recipient(Address("dora", "example.org"), RecipientStatus.PACED),
)
OK = Reply.of(250, "2.0.0", "Ok")


def draft(*, judged: bool = True, held: bool = False) -> Draft:
    made = Draft("t1", SessionFacts("192.0.2.1", {}, {}, str(ANN), ""), Arrival("pc", "192.0.2.1", "hop"), ANN, 0.0)
    made.recipients = list(RECIPIENTS)
    made.held = held
    if judged:
        transaction = Transaction(
            "t1", "k1", Identity("ann", "header", trusted=True), "", "pc", ANN, RECIPIENTS, Stream.PERSONAL, 0.0
        )
        scores = (GroupScore(Group.BULK, 2.5, ()), GroupScore(Group.TEXT, -0.5, ()))
        made.judged = transaction, Verdict(Action.HOLD, 2.0, scores, "p1", "m1")
    return made


def value(metrics: Metrics, name: str, **labels: str) -> float:
    return metrics.registry.get_sample_value(name, labels) or 0.0


@pytest.mark.parametrize(
    ("reply", "held", "outcome"),
    [
        (OK, False, "accepted"),
        (OK, True, "held"),
        (Reply.of(451, "4.3.0", "later"), False, "deferred"),
        (Reply.of(550, "5.7.1", "no"), False, "rejected"),
        (ABORTED, False, "aborted"),
    ],
)
def test_the_outcome_is_what_the_client_hears(reply: Reply, held: bool, outcome: str) -> None:
    assert outcome_of(draft(held=held), reply) == outcome


def test_a_judged_transaction_is_counted_with_its_evidence_and_has_one_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log.configure("json", "info")
    metrics = Metrics("1")
    tell(metrics, draft(), OK)
    (line,) = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert (line["event"], line["action"], line["reply"]) == ("verdict", "hold", 250)
    assert value(metrics, "detector_transactions_total", verdict="hold", outcome="accepted") == 1
    assert value(metrics, "detector_evidence_nats_total", group="bulk") == 2.5
    assert value(metrics, "detector_evidence_nats_total", group="text") == 0
    assert value(metrics, "detector_recipients_total", result="passed") == 1
    assert value(metrics, "detector_recipients_total", result="refused") == 1


def test_what_nobody_judged_is_counted_and_has_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("json", "info")
    metrics = Metrics("1")
    tell(metrics, draft(judged=False), Reply.of(550, "5.7.1", "no"))
    assert capsys.readouterr().err == ""
    assert value(metrics, "detector_transactions_total", verdict="none", outcome="rejected") == 1
    assert value(metrics, "detector_recipients_total", result="stopped") == 1
