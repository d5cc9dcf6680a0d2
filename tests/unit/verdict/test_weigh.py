"""What a profile says between two messages: the same as the judge at the message, and less as time goes by."""

from dataclasses import replace

from detector.mail.address import Address
from detector.mail.transaction import Identity, Recipient, RecipientStatus, Stream, Transaction
from detector.models import load_prior
from detector.traffic.profile import Profile
from detector.verdict.judge import judge
from detector.verdict.policy import Policy
from detector.verdict.verdict import Action
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
    profile, verdict = judge(Profile(), blast(200, 80), NOON, policy())
    assert verdict.action is Action.BLOCK
    assert weigh(profile, NOON, policy()) == verdict


def test_evidence_fades_with_time() -> None:
    profile, verdict = judge(Profile(), blast(200, 80), NOON, policy())
    scores = [weigh(profile, NOON + later, policy()).score for later in (0.0, DAY, 3 * DAY, 40 * DAY)]
    assert scores == sorted(scores, reverse=True)
    assert scores[-1] < 0.0 < verdict.score


def test_the_stream_that_speaks_louder_is_told() -> None:
    profile, verdict = judge(Profile(), blast(400, 200, Stream.AUTOMATIC), NOON, policy())
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
    assert not later.groups[-1].evidence
