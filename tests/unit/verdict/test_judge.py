"""The ladder: the score is the sum of its terms, one kind of evidence never convicts, two do."""

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from detector.mail.transaction import RecipientStatus, Stream, Transaction
from detector.traffic.clock import DAY
from detector.traffic.packing import pack
from detector.traffic.profile import Profile
from detector.verdict.admit import settle
from detector.verdict.judge import judge
from detector.verdict.policy import Policy
from detector.verdict.verdict import Action, Group, Verdict
from tests.histories import transaction, transactions

ACCEPTED, REFUSED, PACED = RecipientStatus.ACCEPTED, RecipientStatus.REFUSED, RecipientStatus.PACED
MONDAY = 20_000 * DAY
HOME, ABROAD = "192.0.2.7", "198.51.100.9"


def settled(policy: Policy, days: int = 30) -> Profile:
    """An account that wrote two messages a day from home."""
    profile = Profile()
    for number in range(2 * days):
        now = MONDAY + (number - 2 * days) * DAY / 2
        one = transaction(number % 20, client=HOME)
        profile, _ = judge(profile, one, now, policy)
        profile = settle(profile, one, True, now, policy)
    return profile


def strangers(
    count: int, status: RecipientStatus = ACCEPTED, name: str = "stranger"
) -> list[tuple[str, RecipientStatus]]:
    return [(f"{name}{number}@there{number}.example", status) for number in range(count)]


def nats(verdict: Verdict, group: Group) -> float:
    return next(one.nats for one in verdict.groups if one.group is group)


@settings(deadline=None)
@given(st.lists(st.tuples(transactions, st.floats(min_value=0, max_value=4e9)), min_size=1, max_size=8))
def test_the_score_is_exactly_the_sum_of_its_groups(
    policy: Policy, history: Sequence[tuple[Transaction, float]]
) -> None:
    profile = Profile()
    for one, now in history:
        profile, verdict = judge(profile, one, now, policy)
        assert verdict.score == sum(group.nats for group in verdict.groups)
        assert all(-0.7 <= group.nats <= 8.0 for group in verdict.groups)
        again, same = judge(profile, one, now, policy)
        assert again.counters.features[0] == profile.counters.at(now).features[0]
        assert pack(judge(profile, one, now, policy)[0]) == pack(again)
        assert same.policy_version == policy.policy_version


def test_ordinary_mail_is_accepted(policy: Policy) -> None:
    _, verdict = judge(settled(policy), transaction(1, client=HOME), MONDAY, policy)
    assert verdict.action is Action.ACCEPT
    assert verdict.score < 0.0


def test_an_account_never_seen_is_judged_by_the_cohort(policy: Policy) -> None:
    _, verdict = judge(Profile(), transaction(1), MONDAY, policy)
    assert verdict.action is Action.ACCEPT
    assert nats(verdict, Group.CLIENT) == 0.0


def test_a_paced_recipient_makes_the_verdict_pace(policy: Policy) -> None:
    _, verdict = judge(settled(policy), transaction(99, strangers(1, PACED)), MONDAY, policy)
    assert verdict.action is Action.PACE


def test_bulk_alone_never_blocks(policy: Policy) -> None:
    _, verdict = judge(settled(policy), transaction(99, strangers(1000), client=HOME), MONDAY, policy)
    assert nats(verdict, Group.BULK) == 8.0
    assert verdict.action is Action.ACCEPT


def test_bulk_to_a_bad_list_from_elsewhere_is_blocked(policy: Policy) -> None:
    asked = strangers(15) + strangers(5, REFUSED, "nobody") + strangers(30, PACED, "later")
    profile, verdict = judge(settled(policy), transaction(99, asked, client=ABROAD), MONDAY, policy)
    assert verdict.action is Action.BLOCK
    assert profile.suspicious_day == MONDAY // DAY


def test_all_recipients_refused_is_judged_without_a_body(policy: Policy) -> None:
    _, verdict = judge(settled(policy), transaction(99, strangers(10, REFUSED)), MONDAY, policy)
    assert nats(verdict, Group.FEEDBACK) > 3.0


def test_two_groups_that_speak_narrow_the_window(policy: Policy) -> None:
    profile, verdict = judge(settled(policy), transaction(99, strangers(100), client=ABROAD), MONDAY, policy)
    assert verdict.action is Action.ACCEPT
    assert profile.window.at(MONDAY, policy.window).size(policy.window) == policy.window_least


def test_without_enough_groups_no_score_is_high_enough(policy: Policy) -> None:
    strict = replace(policy, block_score=5.0, hold_score=5.0)
    _, verdict = judge(settled(policy), transaction(99, strangers(1000), client=HOME), MONDAY, strict)
    assert verdict.score > strict.block_score
    assert verdict.action is Action.ACCEPT


def test_the_second_message_from_elsewhere_is_still_from_elsewhere(policy: Policy) -> None:
    profile, first = judge(settled(policy), transaction(1, client=ABROAD), MONDAY, policy)
    profile, second = judge(profile, transaction(2, client=ABROAD), MONDAY + 3600, policy)
    assert nats(first, Group.CLIENT) == nats(second, Group.CLIENT) == 1.5
    _, next_week = judge(profile, transaction(3, client=ABROAD), MONDAY + 7 * DAY, policy)
    assert nats(next_week, Group.CLIENT) == -0.2


def test_many_networks_within_an_hour_weigh_more(policy: Policy) -> None:
    profile = settled(policy)
    for number in range(5):
        profile, _ = judge(profile, transaction(1, client=f"198.51.{number}.9"), MONDAY + number, policy)
    _, verdict = judge(profile, transaction(1, client="198.51.5.9"), MONDAY + 5, policy)
    assert nats(verdict, Group.CLIENT) > 5.0


def test_a_strange_reverse_path_weighs_a_little(policy: Policy) -> None:
    _, verdict = judge(settled(policy), transaction(1, mail_from="bank@bank.example"), MONDAY, policy)
    assert nats(verdict, Group.CLIENT) == 0.5 - 0.2


def test_a_mail_without_client_address_says_nothing_about_the_client(policy: Policy) -> None:
    _, verdict = judge(settled(policy), transaction(1, client=""), MONDAY, policy)
    assert nats(verdict, Group.CLIENT) == 0.0


def test_automatic_mail_is_weighed_by_its_own_habits(policy: Policy) -> None:
    answers = transaction(99, strangers(40), client=ABROAD, mail_from="", stream=Stream.AUTOMATIC)
    _, verdict = judge(settled(policy), answers, MONDAY, policy)
    assert verdict.score < 0.0
