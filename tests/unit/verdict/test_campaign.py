"""Group campaign: accomplices weigh, each as much again; without them nothing is said."""

from math import exp, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.mail.content import Content
from detector.traffic.campaign import SUSPICIOUS_BY_CHANCE
from detector.verdict.campaign import SUSPICIOUS, suspicious, weigh_campaign
from detector.verdict.odds import CAP, FLOOR
from detector.verdict.verdict import Action, Evidence, Group, GroupScore, Verdict

numbers = st.floats(min_value=0.0, max_value=1e6)


def nats(accomplices: float) -> float:
    return weigh_campaign(Content(1, accomplices=accomplices)).nats


def test_without_accomplices_nothing_is_said() -> None:
    for content in (None, Content(1), Content(1, (1, 2), accomplices=0.0)):
        score = weigh_campaign(content)
        assert (score.nats, score.evidence) == (0.0, ())


@given(numbers)
def test_however_many_there_are_the_group_stays_within_floor_and_cap(accomplices: float) -> None:
    assert FLOOR <= nats(accomplices) <= CAP


@given(st.floats(min_value=1e-3, max_value=100.0), st.floats(min_value=1e-3, max_value=100.0))
def test_more_accomplices_never_weigh_less(one: float, other: float) -> None:
    fewer, more = sorted((one, other))
    assert nats(more) >= nats(fewer) - 1e-9


def test_one_accomplice_may_be_chance_and_four_are_none() -> None:
    assert nats(1.0) < 1.5
    assert nats(4.0) > 4.0


def test_honest_mail_that_shares_a_text_by_chance_is_nearly_an_e_value() -> None:
    """With each accomplice as unlikely again, the mean is 1 but for a tenth: silence is not counted for the account."""
    chance = SUSPICIOUS_BY_CHANCE
    mean = (1.0 - chance) + sum((1.0 - chance) * chance**n * exp(nats(float(n))) for n in range(1, 200))
    assert mean <= 1.1
    assert (mean - (1.0 - chance)) <= 0.2


def test_the_operator_reads_how_many() -> None:
    (one,) = weigh_campaign(Content(1, accomplices=3.0)).evidence
    assert (one.signal, one.value, one.expected) == ("accomplices", 3.0, 0.0)
    assert one.nats == weigh_campaign(Content(1, accomplices=3.0)).nats


def test_who_is_only_reported_is_nobodys_accomplice() -> None:
    def told(signal: str) -> Verdict:
        evidence = tuple(Evidence(Group.FEEDBACK, name, 1.0, 0.0, 0.0) for name in ("refused_24h", "unwanted_24h"))
        feedback = GroupScore(Group.FEEDBACK, 3.0, (*evidence, Evidence(Group.FEEDBACK, signal, 1.0, 0.0, 3.0)))
        return Verdict(Action.ACCEPT, 3.0, (feedback,), "1", "1")

    assert not suspicious(told("doubtful_24h"))
    assert not suspicious(told("to_complainers_24h"))


@pytest.mark.parametrize(("bulk", "campaign", "expected"), [
    (SUSPICIOUS, 0.0, True), (SUSPICIOUS, 8.0, True), (SUSPICIOUS - 0.1, 8.0, False), (-0.5, 0.0, False),
])  # fmt: skip
def test_who_is_suspected_for_his_accomplices_alone_is_no_accomplice(
    bulk: float, campaign: float, expected: bool
) -> None:
    """Otherwise two innocent accounts could suspect each other into a block."""
    groups = (GroupScore(Group.BULK, bulk, ()), GroupScore(Group.CAMPAIGN, campaign, ()))
    assert suspicious(Verdict(Action.ACCEPT, bulk + campaign, groups, "1", "1")) is expected


def test_one_more_accomplice_is_as_unlikely_as_the_one_before() -> None:
    assert nats(4.0) - nats(3.0) == pytest.approx(-log(SUSPICIOUS_BY_CHANCE), abs=0.8)
