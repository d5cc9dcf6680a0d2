"""The ladder: the score is the sum of its terms, one kind of evidence never convicts, two do."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.mail.content import Content
from detector.mail.transaction import RecipientStatus, Stream, Transaction
from detector.traffic.clock import DAY
from detector.traffic.packing import pack
from detector.traffic.profile import Profile
from detector.verdict.admit import settle
from detector.verdict.hold import PROBATION
from detector.verdict.judge import enough_speak, has_changed, judge
from detector.verdict.policy import Policy
from detector.verdict.verdict import Action, Group, GroupScore, Verdict
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
    assert nats(verdict, Group.BULK) > 5.0
    assert verdict.action is Action.HOLD
    assert not enough_speak(verdict.groups)


def test_bulk_to_a_bad_list_from_elsewhere_is_blocked(policy: Policy) -> None:
    asked = strangers(15) + strangers(5, REFUSED, "nobody") + strangers(30, PACED, "later")
    profile, verdict = judge(settled(policy), transaction(99, asked, client=ABROAD), MONDAY, policy)
    assert verdict.action is Action.BLOCK
    assert profile.suspicious_day == MONDAY // DAY


def test_all_recipients_refused_is_judged_without_a_body(policy: Policy) -> None:
    _, verdict = judge(settled(policy), transaction(99, strangers(40, REFUSED)), MONDAY, policy)
    assert nats(verdict, Group.FEEDBACK) > 3.0


def test_two_groups_that_speak_narrow_the_window(policy: Policy) -> None:
    profile, verdict = judge(settled(policy), transaction(99, strangers(100), client=ABROAD), MONDAY, policy)
    assert verdict.action is Action.HOLD
    assert profile.window.at(MONDAY, policy.window).size(policy.window) == policy.window_least


def test_without_enough_groups_no_score_is_high_enough(policy: Policy) -> None:
    strict = replace(policy, block_score=5.0, hold_score=5.0)
    _, verdict = judge(settled(policy), transaction(99, strangers(1000), client=HOME), MONDAY, strict)
    assert verdict.score > strict.block_score
    assert verdict.action is not Action.BLOCK


def test_the_second_message_from_elsewhere_is_still_from_elsewhere(policy: Policy) -> None:
    profile, first = judge(settled(policy), transaction(1, client=ABROAD), MONDAY, policy)
    profile, second = judge(profile, transaction(2, client=ABROAD), MONDAY + 3600, policy)
    assert nats(first, Group.CLIENT) == nats(second, Group.CLIENT) > 1.0
    _, next_week = judge(profile, transaction(3, client=ABROAD), MONDAY + 7 * DAY, policy)
    assert nats(next_week, Group.CLIENT) < 0.0


def test_many_networks_within_an_hour_weigh_more(policy: Policy) -> None:
    profile = settled(policy)
    for number in range(5):
        profile, _ = judge(profile, transaction(1, client=f"198.51.{number}.9"), MONDAY + number, policy)
    _, verdict = judge(profile, transaction(1, client="198.51.5.9"), MONDAY + 5, policy)
    assert nats(verdict, Group.CLIENT) > 5.0


def test_a_strange_reverse_path_weighs_a_little(policy: Policy) -> None:
    _, own = judge(settled(policy), transaction(1), MONDAY, policy)
    _, verdict = judge(settled(policy), transaction(1, mail_from="bank@bank.example"), MONDAY, policy)
    assert nats(own, Group.CLIENT) < nats(verdict, Group.CLIENT) < 1.0
    assert "unseen_reverse_path" in [one.signal for group in verdict.groups for one in group.evidence]


def test_a_mail_without_client_address_says_nothing_about_the_client(policy: Policy) -> None:
    _, verdict = judge(settled(policy), transaction(1, client=""), MONDAY, policy)
    assert nats(verdict, Group.CLIENT) == 0.0


def test_automatic_mail_is_weighed_by_its_own_habits(policy: Policy) -> None:
    answers = transaction(99, strangers(40), client=ABROAD, mail_from="", stream=Stream.AUTOMATIC)
    _, verdict = judge(settled(policy), answers, MONDAY, policy)
    assert nats(verdict, Group.BULK) < 0.0
    assert verdict.action is Action.ACCEPT


def test_marks_of_automatic_mail_are_believed_where_the_account_is_at_home(policy: Policy) -> None:
    def bulk(client: str, mail_from: str) -> float:
        flood = transaction(99, strangers(40), client=client, mail_from=mail_from, stream=Stream.AUTOMATIC)
        return nats(judge(settled(policy), flood, MONDAY, policy)[1], Group.BULK)

    home = transaction(1)
    assert bulk(home.client, str(home.mail_from)) < 0.0
    assert bulk(ABROAD, str(home.mail_from)) > 1.0
    assert bulk(ABROAD, "") < 0.0  # answers come from servers


def test_there_are_five_kinds_of_evidence(policy: Policy) -> None:
    _, verdict = judge(Profile(), transaction(1), MONDAY, policy)
    assert [one.group for one in verdict.groups] == list(Group)


@given(st.lists(st.sampled_from(Group), unique=True))
def test_more_than_one_kind_must_speak_and_one_of_them_of_a_change(speaking: list[Group]) -> None:
    groups = [GroupScore(group, 8.0 if group in speaking else 0.9, ()) for group in Group]
    changes = {Group.BULK, Group.CLIENT, Group.CAMPAIGN}
    assert enough_speak(groups) is (len(speaking) >= 2 and not changes.isdisjoint(speaking))
    assert has_changed(groups) is (not changes.isdisjoint(speaking))


def test_bad_answers_and_bad_texts_of_an_account_that_does_what_it_always_did_are_not_even_held(policy: Policy) -> None:
    """A forwarding account has both, or a tasteless one."""
    profile = settled(policy)
    strict = replace(policy, block_score=2.0, hold_score=2.0, silent_groups=frozenset({Group.BULK}))
    _, verdict = judge(profile, transaction(99, client=HOME), MONDAY, strict)
    for number in range(5):
        content = Content(number, surprise=8.0)
        asked = strangers(1, REFUSED, f"nobody{number}")
        one = transaction(100 + number, asked, client=HOME, content=content, reply="5.7.1")
        profile, verdict = judge(profile, one, MONDAY + number, strict)
    assert min(nats(verdict, Group.FEEDBACK), nats(verdict, Group.TEXT)) > 1.0
    assert verdict.score > 2.0
    assert verdict.action is Action.ACCEPT


def test_a_mailing_that_is_too_large_is_held_and_after_its_probation_no_more(policy: Policy) -> None:
    letter = transaction(99, strangers(400), client=HOME)
    profile, verdict = judge(settled(policy), letter, MONDAY, policy)
    assert verdict.action is Action.HOLD
    assert profile.held_since == MONDAY
    profile, again = judge(profile, letter, MONDAY + PROBATION / 2, policy)
    assert (again.action, profile.held_since) == (Action.HOLD, MONDAY)
    _, after = judge(profile, letter, MONDAY + PROBATION, policy)
    assert after.action is Action.ACCEPT


def test_a_thiefs_mailing_is_held_however_long_it_is_tried_again(policy: Policy) -> None:
    blast = transaction(99, strangers(100), client=ABROAD)
    profile = settled(policy)
    for minutes in (0, 5, 10, 60):
        profile, verdict = judge(profile, blast, MONDAY + 60.0 * minutes, policy)
        assert verdict.action in {Action.HOLD, Action.BLOCK}


def test_a_letter_that_we_hold_is_no_bad_list_because_only_refusals_come_at_once(policy: Policy) -> None:
    profile, verdict = judge(settled(policy), transaction(1, client=HOME), MONDAY, policy)
    for number in range(16):
        parents = strangers(24, name=f"parent{number}-") + strangers(1, REFUSED, f"moved{number}-")
        letter = transaction(100 + number, parents if number % 2 else parents[:-1], client=HOME)
        profile, verdict = judge(profile, letter, MONDAY + 15.0 * number, policy)
        profile = settle(profile, letter, verdict.action is Action.ACCEPT, MONDAY + 15.0 * number, policy)
        assert nats(verdict, Group.FEEDBACK) < 1.0
    assert verdict.action is Action.HOLD
    assert profile.lately.withheld > 6 * 24


def test_a_held_message_that_is_tried_again_brings_no_more_good_answers(policy: Policy) -> None:
    letter = transaction(99, strangers(400) + strangers(1, REFUSED, "moved"), client=HOME)
    profile, verdict = judge(settled(policy), letter, MONDAY, policy)
    again, _ = judge(profile, letter, MONDAY + 60.0, policy)
    assert verdict.action is Action.HOLD
    assert again.lately.withheld == profile.lately.withheld == 400.0


def test_what_passes_at_once_is_not_withheld(policy: Policy) -> None:
    profile, verdict = judge(
        settled(policy), transaction(99, [*strangers(1), *strangers(1, REFUSED, "b")]), MONDAY, policy
    )
    assert verdict.action is Action.ACCEPT
    assert not profile.lately.withheld


def test_a_silenced_group_has_no_say(policy: Policy) -> None:
    quiet = replace(policy, silent_groups=frozenset({Group.BULK}))
    _, verdict = judge(settled(policy), transaction(99, strangers(1000), client=HOME), MONDAY, quiet)
    assert nats(verdict, Group.BULK) == 0.0
    assert verdict.action is Action.ACCEPT
    assert [one.group for one in verdict.groups] == list(Group)


def test_a_text_is_learned_once_and_only_when_nothing_speaks_against_the_account(policy: Policy) -> None:
    clean, bad = Content(1, surprise=0.5), Content(2, surprise=9.0)
    profile, _ = judge(settled(policy), transaction(1, client=HOME, content=clean), MONDAY, policy)
    assert sum(profile.reading.counts) == 1.0
    profile, _ = judge(profile, transaction(2, client=HOME, content=clean), MONDAY, policy)
    profile, _ = judge(profile, transaction(3, client=HOME, content=bad), MONDAY, policy)
    assert sum(profile.reading.counts) == 1.0
    blast = transaction(4, strangers(1000), client=HOME, content=Content(3, surprise=0.5))
    profile, _ = judge(profile, blast, MONDAY, policy)
    assert sum(profile.reading.counts) == 1.0


def test_the_copies_of_a_bad_text_weigh_as_one(policy: Policy) -> None:
    profile, scores = settled(policy), []
    for number in range(20):
        one = transaction(number, client=HOME, content=Content(7, surprise=9.0))
        profile, verdict = judge(profile, one, MONDAY + number, policy)
        scores.append(nats(verdict, Group.TEXT))
    assert scores == sorted(scores, reverse=True)
    assert scores[0] - scores[-1] < 0.01


def test_accomplices_count(policy: Policy) -> None:
    content = Content(7, accomplices=5.0)
    _, verdict = judge(settled(policy), transaction(1, client=HOME, content=content), MONDAY, policy)
    assert nats(verdict, Group.CAMPAIGN) > 4.0


def test_the_highest_score_of_a_settled_account_is_remembered_and_that_of_a_new_one_is_not(policy: Policy) -> None:
    """A new account is unusual in everything; the calibration must not take that for what honest mail does."""
    blast = transaction(99, strangers(100), client=ABROAD)
    for profile, remembered in ((settled(policy), True), (Profile(), False)):
        after, verdict = judge(profile, blast, MONDAY, policy)
        assert after.highest_score == (verdict.score if remembered else 0.0)


def test_a_day_that_is_only_unusually_busy_is_no_suspicious_one(policy: Policy) -> None:
    busy, _ = judge(settled(policy), transaction(99, strangers(1000), client=HOME), MONDAY, policy)
    assert busy.suspicious_day != MONDAY // DAY
    stolen, _ = judge(settled(policy), transaction(99, strangers(1000), client=ABROAD), MONDAY, policy)
    assert stolen.suspicious_day == MONDAY // DAY


def friends(count: int, status: RecipientStatus = ACCEPTED) -> list[tuple[str, RecipientStatus]]:
    return [(f"user{number}@domain{number % 9}.example", status) for number in range(count)]


@pytest.mark.parametrize("reply", ["5.1.1", "5.7.1"])
@pytest.mark.parametrize("status", [ACCEPTED, REFUSED])
def test_answers_of_friends_are_not_counted(policy: Policy, status: RecipientStatus, reply: str) -> None:
    profile, letter = settled(policy), transaction(99, friends(10, status), client=HOME, reply=reply)
    after, verdict = judge(profile, letter, MONDAY, policy)
    assert nats(verdict, Group.FEEDBACK) == pytest.approx(0.0, abs=1e-4)
    after = settle(after, letter, True, MONDAY, policy)
    assert after.counters.answers == pytest.approx(profile.counters.at(MONDAY).answers)


def test_a_large_mailing_from_elsewhere_is_blocked_only_when_others_say_so_too_or_it_is_to_very_many(
    policy: Policy,
) -> None:
    strict = replace(policy, block_score=policy.hold_score)

    def action(count: int, content: Content | None = None) -> Action:
        blast = transaction(99, strangers(count), client=ABROAD, content=content)
        _, verdict = judge(settled(policy), blast, MONDAY, strict)
        assert verdict.score >= strict.block_score
        assert enough_speak(verdict.groups)
        return verdict.action

    assert action(400) is Action.HOLD
    assert action(400, Content(7, accomplices=5.0)) is Action.BLOCK
    assert action(400, Content(7, surprise=9.0)) is Action.BLOCK
    assert action(2100) is Action.BLOCK


def test_a_letter_to_friends_goes_while_a_mailing_to_strangers_is_held(policy: Policy) -> None:
    profile, blast = judge(settled(policy), transaction(99, strangers(400), client=HOME), MONDAY, policy)
    assert blast.action is Action.HOLD

    def action(asked: list[tuple[str, RecipientStatus]], content: Content | None = None, client: str = HOME) -> Action:
        return judge(profile, transaction(100, asked, client=client, content=content), MONDAY + 1, policy)[1].action

    assert action(friends(2)) is Action.ACCEPT
    assert action(friends(2) + strangers(1, name="other")) is Action.HOLD
    assert action(friends(2), Content(7, surprise=9.0)) is Action.HOLD
    assert action(friends(2), Content(7, accomplices=5.0)) is Action.BLOCK
    assert action(friends(2), client=ABROAD) is Action.HOLD


def test_the_copies_of_a_letter_to_friends_are_a_mailing_too(policy: Policy) -> None:
    profile, _ = judge(settled(policy), transaction(99, strangers(400), client=HOME), MONDAY, policy)
    actions = []
    for number in range(10):
        copy = transaction(100 + number, friends(20)[2 * number :][:2], client=HOME, content=Content(7))
        profile, verdict = judge(profile, copy, MONDAY + number, policy)
        actions.append(verdict.action)
    assert actions[0] is Action.ACCEPT
    assert actions[-1] is Action.HOLD
