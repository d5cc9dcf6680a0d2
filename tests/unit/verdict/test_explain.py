"""An explanation says what counted, in words, and adds up."""

from detector.traffic.features import ANSWERS, FEATURES, Measure
from detector.verdict.explain import WITHOUT_NUMBER, WORDS, explain
from detector.verdict.verdict import Action, Evidence, Group, GroupScore, Verdict


def test_the_weightiest_reason_comes_first_and_the_sum_last() -> None:
    bulk = (
        Evidence(Group.BULK, "recipients_24h", 40.2, 12.1, 2.0),
        Evidence(Group.BULK, "new_recipients_24h", 38.4, 0.8, 6.1),
        Evidence(Group.BULK, "recipients_10m", 1.0, 3.0, -0.69),
    )
    client = (Evidence(Group.CLIENT, "unseen_network", 1.0, 0.0, 1.5),)
    groups = (GroupScore(Group.BULK, 5.0, bulk), GroupScore(Group.CLIENT, 1.5, client))
    assert explain(Verdict(Action.ACCEPT, 6.5, groups, "1", "1")) == [
        "38 first-time recipients in 24 hours; usual for this account: at most 1 (+6.1)",
        "40 recipients in 24 hours; usual for this account: at most 13 (+2.0)",
        "mail from a network where this account has no habit of being (+1.5)",
        "1 other signal is as usual",
        "bulk +5.0, client +1.5: +6.5 in all",
    ]


def test_nothing_unusual_is_said_in_one_line() -> None:
    evidence = (Evidence(Group.BULK, "a", 1, 1, -0.7), Evidence(Group.BULK, "b", 1, 1, -0.7))
    verdict = Verdict(Action.ACCEPT, -0.7, (GroupScore(Group.BULK, -0.7, evidence),), "1", "1")
    assert explain(verdict) == ["2 signals are as usual", "bulk -0.7: -0.7 in all"]


def test_every_signal_has_words() -> None:
    signals = {one.name for one in (*FEATURES, *ANSWERS) if one.measure is not Measure.ANSWERED}
    told = {*WORDS, *WITHOUT_NUMBER}
    assert signals <= set(WORDS)
    assert {"unseen_network", "unseen_program", "unseen_client", "unseen_reverse_path", "unseen_author"} <= told
    assert {"networks_1h", "to_strangers_in_a_row", "reads_like_abuse", "texts_before", "accomplices"} <= told
    assert not set(WORDS) & set(WITHOUT_NUMBER)
