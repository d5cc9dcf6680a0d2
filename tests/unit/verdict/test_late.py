"""Answers that come after the mail has left convict by the same ladder."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from detector.mail.transaction import RecipientStatus, Stream
from detector.traffic.clock import DAY
from detector.traffic.counters import Counters
from detector.traffic.features import Tally
from detector.traffic.profile import Profile, forgive
from detector.verdict.answer import BAD, Answer, Kind, learn_answer
from detector.verdict.judge import judge
from detector.verdict.late import late
from detector.verdict.policy import Policy
from detector.verdict.verdict import Action, Group
from tests.histories import transaction

NOW = 20_000 * DAY
BLAST = Tally(recipients=300, first_time=300, answered=300, same_text=300, domains=60, copies=300, messages=300)


def after(policy: Policy, tally: Tally, refused: int, hours: float = 1.0) -> Profile:
    """An account of 30 quiet days that has sent this, of which so many bounced some hours later."""
    profile = Profile(first_seen=NOW - 30 * DAY, counters=Counters().add(Stream.PERSONAL, tally, NOW))
    for number in range(refused):
        answer = Answer("ann", f"t{number}", b"8octets1", Kind.REFUSED, NOW + hours * 3600, first_time=True)
        profile = learn_answer(profile, answer, policy)
    return profile


def test_a_wave_of_bounces_after_a_blast_convicts(policy: Policy) -> None:
    verdict = late(after(policy, BLAST, 90), NOW + 3600, policy)
    assert verdict is not None
    assert verdict.action is Action.BLOCK
    assert verdict.score >= policy.block_score


@given(
    reports=st.tuples(st.integers(min_value=0, max_value=5), st.integers(min_value=0, max_value=5)),
    slowed=st.integers(min_value=0, max_value=60),
    answered=st.integers(min_value=0, max_value=60),
    refused=st.integers(min_value=0, max_value=30),
)
def test_a_few_reports_and_what_is_put_off_block_nobody_who_would_not_be_blocked_without(
    policy: Policy, reports: tuple[int, int], slowed: int, answered: int, refused: int
) -> None:
    """Neither after the fact, nor when the account sends again."""
    without = after(policy, BLAST._replace(answered=answered), refused)
    profile = without
    bounces, complaints = reports
    kinds = [Kind.REFUSED] * bounces + [Kind.COMPLAINT] * complaints + [Kind.SLOWED] * slowed
    for number, kind in enumerate(kinds):
        told = Answer("ann", f"r{number}", b"8octets2", kind, NOW + 3600, first_time=True, reported=kind in BAD)
        profile = learn_answer(profile, told, policy)
    assert late(profile, NOW + 3600, policy) is None or late(without, NOW + 3600, policy) is not None
    again = transaction(1, [("bob@example.net", RecipientStatus.ACCEPTED)])
    actions = [judge(one, again, NOW + 3600, policy)[1].action for one in (profile, without)]
    assert actions[0] is not Action.BLOCK or actions[1] is Action.BLOCK


def test_a_blast_without_bad_answers_is_left_to_the_mail_that_follows(policy: Policy) -> None:
    assert late(after(policy, BLAST, 0), NOW + 3600, policy) is None


def test_bounces_of_an_account_that_writes_as_always_convict_nobody(policy: Policy) -> None:
    assert late(after(policy, Tally(recipients=20, first_time=4, answered=20), 15), NOW + 3600, policy) is None


def test_a_group_without_a_say_convicts_nobody(policy: Policy) -> None:
    silenced = replace(policy, silent_groups=frozenset({Group.FEEDBACK}))
    assert late(after(policy, BLAST, 90), NOW + 3600, silenced) is None


def test_who_was_forgiven_is_not_convicted_by_the_same_answers(policy: Policy) -> None:
    profile = forgive(after(policy, BLAST, 90), NOW + 3600)
    assert late(profile, NOW + 3600, policy) is None
