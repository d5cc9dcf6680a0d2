"""The figures of the card: honest days give e-values of about 1, bursts give more; the others judge a timeline."""

from math import exp

import pytest

from detector.models import load_prior
from detector.traffic.clock import DAY
from detector.training.figures import bulk_and_runs, held_out, taken_for_others
from detector.training.prior import LEARNED_FIRST, Life, life_of
from detector.verdict.odds import CAP, LEAST

FIRST = 14_000
PRIORS, _ = load_prior()


def friends(days: int, recipients: int, first: int = FIRST) -> list[tuple[float, list[str]]]:
    """One message at noon of each day, always to the same people."""
    people = [f"friend{number}" for number in range(recipients)]
    return [((first + day) * DAY + DAY / 2, people) for day in range(days)]


def strangers(count: int, day: int) -> list[tuple[float, list[str]]]:
    """A message to each of so many strangers, all within a day."""
    return [(day * DAY + DAY / 2 + number, [f"stranger{number}"]) for number in range(count)]


def silent(_: str) -> None: ...


def test_even_days_say_less_than_nothing() -> None:
    bulk, runs = bulk_and_runs([life_of(friends(30, 2))], PRIORS.person)
    assert bulk < 1.0
    assert runs == pytest.approx(exp(LEAST))


def test_a_burst_to_strangers_counts_in_both_figures() -> None:
    life = life_of(friends(LEARNED_FIRST, 2) + strangers(300, FIRST + LEARNED_FIRST))
    bulk, runs = bulk_and_runs([life], PRIORS.person)
    assert bulk == runs == pytest.approx(exp(CAP))


def test_a_run_is_as_long_as_the_longest_of_its_day_and_ends_with_somebody_known() -> None:
    life = life_of(friends(1, 1) + strangers(3, FIRST + 1) + friends(1, 1, FIRST + 2))
    assert life.runs == [1, 4, 0]  # the friend was a stranger on the first day
    assert [(today.messages, today.to_strangers) for today in life.days] == [(1, 1), (3, 3), (1, 0)]


def test_a_timeline_is_judged_by_the_others_only() -> None:
    lives = {"quiet": [life_of(friends(30, 2))], "loud": [life_of(friends(30, 40))]}
    told: list[str] = []
    figures = held_out(lives, told.append)
    assert figures["quiet: days"] == figures["loud: days"] == 30 - LEARNED_FIRST
    assert figures["quiet: recipients_24h"] == pytest.approx(exp(LEAST))  # less than the loud
    assert figures["loud: recipients_24h"] > figures["quiet: recipients_24h"]
    assert "quiet: automatic_recipients_24h" not in figures  # no timeline shows it
    assert len(told) == 2
    assert held_out({"alone": lives["quiet"]}, silent) == {}


def test_people_stay_people_and_shops_do_not() -> None:
    shop = Life([], [])
    for day in range(40):
        new = [(time + day * 400, [f"{day}-{name}" for name in names]) for time, names in strangers(80, FIRST + day)]
        days, runs = life_of(new)
        shop.days.extend(days)
        shop.runs.extend(runs)
    assert taken_for_others([life_of(friends(60, 3)), shop], PRIORS) == 1
