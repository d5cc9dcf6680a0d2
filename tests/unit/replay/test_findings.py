"""What a replay tells about the accounts."""

from dataclasses import replace
from itertools import pairwise

import pytest

from detector.replay.engine import Outcome
from detector.replay.findings import HOUR, MOST_HOLDS, THRESHOLDS, Collector
from detector.verdict.policy import Policy
from detector.verdict.verdict import Action, Verdict
from tests.unit.replay.stories import BEGIN, DAY, RECIPIENTS, THEFT, THIEVES_MESSAGES, found, mail

REACHED = RECIPIENTS - 3


def judged(account: str, now: float, action: Action = Action.HOLD, refused: int = 0) -> Outcome:
    transaction = mail(account, now, ["x@a.example"], "192.0.2.7", refused)
    return Outcome(transaction, Verdict(action, 7.0, (), "", ""), incident=action is Action.BLOCK)


def test_the_hijacked_account_would_have_been_stopped_and_the_other_not(policy: Policy) -> None:
    findings = found(policy)
    (stop,) = findings.stops
    assert stop.account == "ann"
    assert THEFT <= stop.at < THEFT + 600.0
    assert stop.score >= policy.block_score
    assert stop.why[-1].endswith("in all")


def test_recipients_are_counted_before_and_after_the_stop(policy: Policy) -> None:
    (stop,) = found(policy).stops
    messages_before = round((stop.at - THEFT) / 60.0)
    assert stop.recipients_before == messages_before * REACHED
    assert stop.recipients_after == (THIEVES_MESSAGES - messages_before) * REACHED
    assert stop.hours[int(THEFT // HOUR)] == THIEVES_MESSAGES * REACHED


def test_the_whole_record_is_summed_up(policy: Policy) -> None:
    findings = found(policy)
    assert (findings.accounts, findings.messages) == (2, 80 + THIEVES_MESSAGES)
    assert findings.recipients == 80 + THIEVES_MESSAGES * RECIPIENTS
    assert findings.refused == THIEVES_MESSAGES * 3
    assert (findings.begins_at, findings.ends_at) == (BEGIN, THEFT + 60.0 * (THIEVES_MESSAGES - 1))
    assert findings.account_months == pytest.approx((39 + 40) / 30, abs=0.1)
    assert sum(findings.recipients_by_day.values()) == findings.recipients - findings.refused
    assert findings.recipients_by_day[int(BEGIN // DAY)] == 2


def test_a_higher_threshold_stops_no_more_accounts_and_none_earlier(policy: Policy) -> None:
    costs = found(policy).costs
    assert [cost.threshold for cost in costs] == sorted([*THRESHOLDS, policy.block_score])
    assert all(low.accounts >= high.accounts for low, high in pairwise(costs))
    reached = [cost.median_recipients_before for cost in costs if cost.accounts]
    assert reached == sorted(reached)
    assert costs[0].accounts == 1
    assert costs[0].per_1000_account_months == pytest.approx(1000.0 / found(policy).account_months)


def test_an_empty_record_finds_nothing() -> None:
    findings = Collector(11.5).findings()
    assert (findings.accounts, findings.stops, findings.account_months) == (0, [], 0)
    assert {cost.accounts for cost in findings.costs} == {0}


def test_the_threshold_in_use_stops_who_would_have_been_stopped(policy: Policy) -> None:
    findings = found(policy)
    (in_use,) = [cost for cost in findings.costs if cost.threshold == policy.block_score]
    assert in_use.accounts == len(findings.stops)
    assert [cost.threshold for cost in Collector(THRESHOLDS[2]).findings().costs] == list(THRESHOLDS)


def test_mail_that_would_have_been_held_is_counted_with_when_and_why() -> None:
    collector = Collector(11.5)
    for outcome in (
        judged("ann", BEGIN, Action.ACCEPT),
        judged("ann", BEGIN + 1),
        judged("ann", BEGIN + 1),  # the same message: a recipient was deferred, and comes again
        judged("ann", BEGIN + 2),
        judged("ann", BEGIN + 3, refused=1),  # nothing is left of it that could wait
        judged("bob", BEGIN + 4),
        judged("bob", BEGIN + 5, Action.BLOCK),
        judged("bob", BEGIN + 6),  # it would not have come: the account is stopped
    ):
        collector.add(outcome)
    findings = collector.findings()
    assert (findings.held_accounts, findings.held_messages) == (2, 3)
    assert [(hold.account, hold.at, hold.messages) for hold in findings.holds] == [
        ("ann", BEGIN + 1, 2),
        ("bob", BEGIN + 4, 1),
    ]
    assert findings.holds[0].why[-1].endswith("+7.0 in all")


def test_only_the_accounts_with_most_held_mail_are_named() -> None:
    collector = Collector(11.5)
    for number in range(MOST_HOLDS + 5):
        for message in range(number + 1):
            collector.add(judged(f"a{number}", BEGIN + message))
    findings = collector.findings()
    assert findings.held_accounts == MOST_HOLDS + 5
    assert [hold.messages for hold in findings.holds] == list(range(MOST_HOLDS + 5, 5, -1))


def test_with_a_low_threshold_the_thief_is_held_before_the_account_is_stopped(policy: Policy) -> None:
    findings = found(replace(policy, hold_score=3.0))
    assert [hold.account for hold in findings.holds] == ["ann"]
    assert THEFT <= findings.holds[0].at < findings.stops[0].at
