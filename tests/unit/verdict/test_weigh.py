"""What a profile says between two messages: the same as the judge at the message, and less as time goes by."""

import pytest
from msgspec.structs import replace

from detector.mail.address import Address
from detector.mail.content import Content
from detector.mail.transaction import Identity, Recipient, RecipientStatus, Stream, Transaction
from detector.models import load_prior
from detector.traffic.profile import Profile
from detector.verdict.admit import settle
from detector.verdict.judge import judge
from detector.verdict.policy import Policy
from detector.verdict.verdict import Action, Group
from detector.verdict.weigh import weigh

NOON = 1_700_049_600.0
DAY = 86_400.0


def policy() -> Policy:
    prior, model_version = load_prior()
    return Policy(b"key", prior, model_version)


def blast(recipients: int, refused: int, stream: Stream = Stream.PERSONAL) -> Transaction:
    statuses = [RecipientStatus.REFUSED] * refused + [RecipientStatus.ACCEPTED] * (recipients - refused)
    return Transaction(
        transaction_id="t-1",
        message_key="m-1",
        identity=Identity("ann", "policy-service", trusted=True),
        client="192.0.2.7",
        helo="",
        mail_from=Address.parse("ann@example.org"),
        recipients=tuple(Recipient(Address.parse(f"r{i}@example.net"), one) for i, one in enumerate(statuses)),
        stream=stream,
        received_at=NOON,
    )


def test_right_after_a_message_the_profile_says_what_the_judge_said() -> None:
    profile, verdict = judge(Profile(), blast(200, 200), NOON, policy())
    assert verdict.action is Action.BLOCK
    weighed = weigh(profile, NOON, policy())
    assert (weighed.action, weighed.score) == (verdict.action, verdict.score)
    assert {one.group: one for one in weighed.groups}.items() <= {one.group: one for one in verdict.groups}.items()


def test_once_the_mail_was_delivered_its_recipients_are_the_answers_that_the_judge_took_them_for() -> None:
    one = blast(40, 4)
    profile, verdict = judge(Profile(), one, NOON, policy())
    assert weigh(settle(profile, one, True, NOON, policy()), NOON, policy()).score == pytest.approx(verdict.score)


def test_evidence_of_texts_is_told_between_two_messages() -> None:
    profile = Profile()
    for number in range(3):
        content = Content(number, surprise=8.0)
        profile, _ = judge(profile, replace(blast(1, 0), message_key=f"m-{number}", content=content), NOON, policy())
    signals = [one.signal for group in weigh(profile, NOON, policy()).groups for one in group.evidence if one.nats > 1]
    assert signals == ["texts_before"]


def test_evidence_fades_with_time() -> None:
    profile, verdict = judge(Profile(), blast(200, 80), NOON, policy())
    scores = [weigh(profile, NOON + later, policy()).score for later in (0.0, DAY, 3 * DAY, 40 * DAY)]
    assert scores == sorted(scores, reverse=True)
    assert scores[-1] < 0.0 < verdict.score


def test_the_stream_that_speaks_louder_is_told() -> None:
    profile, verdict = judge(Profile(), blast(400, 400, Stream.AUTOMATIC), NOON, policy())
    assert weigh(profile, NOON, policy()).score == verdict.score > 0.0


def test_nothing_speaks_against_an_account_that_was_never_seen() -> None:
    assert weigh(Profile(), NOON, policy()).score <= 0.0


def test_the_network_that_was_seen_last_counts_within_the_hour() -> None:
    first = replace(blast(1, 0), message_key="m-0")
    profile, _ = judge(Profile(), first, NOON - 2 * DAY, policy())
    profile, _ = judge(profile, replace(blast(1, 0), client="198.51.100.7"), NOON, policy())
    signals = [one.signal for group in weigh(profile, NOON, policy()).groups for one in group.evidence if one.nats > 0]
    assert signals == ["unseen_network"]
    later = weigh(profile, NOON + 7200.0, policy())
    assert not any(group.evidence for group in later.groups if group.group is Group.CLIENT)
