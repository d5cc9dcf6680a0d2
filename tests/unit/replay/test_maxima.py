"""What remains of each account of a replay: how long it was seen, and how suspicious it was at most."""

import pytest

from detector.replay.engine import Engine
from detector.replay.maxima import Maxima, Watched
from detector.replay.profiles import Profiles
from detector.verdict.policy import Policy
from tests.unit.replay.stories import BEGIN, DAY, THEFT, THIEVES_MESSAGES, mail, record

WEEK = 7 * DAY


def watch(policy: Policy, warm_up: float = 0.0) -> dict[str, Watched]:
    maxima, engine = Maxima(warm_up), Engine(policy, Profiles(), observe=True)
    for transaction in record():
        maxima.add(engine.transact(transaction))
    return {one.account: one for one in maxima.watched()}


def test_each_account_is_seen_from_its_first_mail_to_its_last(policy: Policy) -> None:
    seen = watch(policy)
    assert {one: (seen[one].begins_at, seen[one].ends_at) for one in seen} == {
        "ann": (BEGIN, THEFT + 60.0 * (THIEVES_MESSAGES - 1)),
        "bob": (BEGIN, BEGIN + 39 * DAY),
    }
    assert seen["bob"].months == pytest.approx(39 / 30)


def test_the_thief_is_the_highest_and_it_is_told_when_and_why(policy: Policy) -> None:
    ann, bob = watch(policy)["ann"], watch(policy)["bob"]
    assert ann.highest >= ann.blockable > policy.block_score > bob.highest >= bob.blockable
    assert ann.peak is not None
    assert THEFT <= ann.peak.at <= ann.ends_at
    assert ann.peak.score == ann.blockable
    assert ann.peak.why[-1].endswith("in all")
    assert bob.peak is None


def test_what_one_kind_of_evidence_says_holds_and_does_not_block(policy: Policy) -> None:
    """Many strangers at once from the usual network, none refused: only the group bulk speaks."""
    maxima, engine = Maxima(0.0), Engine(policy, Profiles(), observe=True)
    for day in range(20):
        maxima.add(engine.transact(mail("ann", BEGIN + day * DAY, ["friend@a.example"], "192.0.2.7")))
    strangers = [f"u{place}@d{place}.example" for place in range(400)]
    maxima.add(engine.transact(mail("ann", BEGIN + 20 * DAY, strangers, "192.0.2.7")))
    (ann,) = maxima.watched()
    assert ann.highest > 5.0
    assert ann.blockable < 1.0
    assert ann.peak is None


def test_the_warm_up_of_the_record_is_not_counted(policy: Policy) -> None:
    seen = watch(policy, warm_up=WEEK)
    assert {one.begins_at for one in seen.values()} == {BEGIN + WEEK}
    assert seen["ann"].ends_at > THEFT
    assert watch(policy, warm_up=100 * DAY) == {}


def test_an_account_that_comes_up_after_the_warm_up_is_counted_from_its_first_mail_on(policy: Policy) -> None:
    maxima, engine = Maxima(WEEK), Engine(policy, Profiles(), observe=True)
    for day in range(20):
        maxima.add(engine.transact(mail("ann", BEGIN + day * DAY, ["friend@a.example"], "192.0.2.7")))
    maxima.add(engine.transact(mail("new", BEGIN + 20 * DAY, ["x@a.example"], "192.0.2.8")))
    assert [(one.account, one.begins_at) for one in maxima.watched()] == [
        ("ann", BEGIN + WEEK),
        ("new", BEGIN + 20 * DAY),
    ]
    assert maxima.watched()[1].months == pytest.approx(1 / 30)
    assert (maxima.begins_at, maxima.ends_at) == (BEGIN, BEGIN + 20 * DAY)


def test_mail_of_which_nobody_knows_the_account_is_passed_over(policy: Policy) -> None:
    maxima, engine = Maxima(0.0), Engine(policy, Profiles(), observe=True)
    maxima.add(engine.transact(mail("", BEGIN, ["x@a.example"], "192.0.2.7")))
    assert (maxima.watched(), maxima.begins_at) == ([], None)
