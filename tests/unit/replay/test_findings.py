"""What a replay tells about the accounts."""

from itertools import pairwise

import pytest

from detector.replay.findings import HOUR, THRESHOLDS, Collector
from detector.verdict.policy import Policy
from tests.unit.replay.stories import BEGIN, DAY, RECIPIENTS, THEFT, THIEVES_MESSAGES, found

REACHED = RECIPIENTS - 3


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
    assert [cost.threshold for cost in costs] == list(THRESHOLDS)
    assert all(low.accounts >= high.accounts for low, high in pairwise(costs))
    reached = [cost.median_recipients_before for cost in costs if cost.accounts]
    assert reached == sorted(reached)
    assert costs[0].accounts == 1
    assert costs[0].per_1000_account_months == pytest.approx(1000.0 / found(policy).account_months)


def test_an_empty_record_finds_nothing() -> None:
    findings = Collector(11.5).findings()
    assert (findings.accounts, findings.stops, findings.account_months) == (0, [], 0)
    assert {cost.accounts for cost in findings.costs} == {0}
