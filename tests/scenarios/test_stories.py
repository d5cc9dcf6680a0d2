"""Every story ends as it says, in all of ten tellings with other dice."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import pytest

from detector.models import load_prior
from detector.traffic.cohort import COHORTS, Cohort
from detector.verdict.policy import Policy
from tests.scenarios.story import SPANS, Outcome, play, read_story

STORIES = sorted(Path(__file__).parent.glob("*.story"))
TELLINGS = range(1, 11)


@pytest.fixture(scope="module")
def policy() -> Policy:
    prior, model_version = load_prior()
    return Policy(recipient_key=b"key of the stories", priors=prior, model_version=model_version)


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_the_story_ends_as_it_says(path: Path, policy: Policy) -> None:
    story = read_story(path)
    outcomes = [play(story, policy, seed) for seed in TELLINGS]
    assert story.expectations
    for expectation in story.expectations:
        assert holds(expectation, outcomes), f"{story.title} Expected {expectation}: {facts(outcomes)}"


def becomes(cohort: Cohort) -> Callable[[Sequence[Outcome]], bool]:
    return lambda outcomes: all(outcome.profile.cohort == COHORTS.index(cohort) + 1 for outcome in outcomes)


SIMPLE: dict[str, Callable[[Sequence[Outcome]], bool]] = {
    "blocked": lambda outcomes: all(outcome.blocked_by for outcome in outcomes),
    "never blocked": lambda outcomes: not any(outcome.blocked_by for outcome in outcomes),
    "held": lambda outcomes: all(outcome.held for outcome in outcomes),
    "never held": lambda outcomes: not any(outcome.held for outcome in outcomes),
    **{f"becomes {cohort}": becomes(cohort) for cohort in Cohort},
}


def holds(expectation: str, outcomes: Sequence[Outcome]) -> bool:
    if simple := SIMPLE.get(expectation):
        return simple(outcomes)
    words, numbers = re.sub(r"\d+", "#", expectation), [int(number) for number in re.findall(r"\d+", expectation)]
    delivered = not any(outcome.undelivered for outcome in outcomes)
    longest_wait = max(outcome.longest_wait for outcome in outcomes)
    match words:
        case "escaped at most #":
            return max(outcome.escaped for outcome in outcomes) <= numbers[0]
        case "escaped in the median at most #":
            return median(outcome.escaped for outcome in outcomes) <= numbers[0]
        case "score at most #":
            return max(outcome.highest for outcome in outcomes) <= numbers[0]
        case "everything delivered":
            return delivered
        case "everything delivered within # hours" | "everything delivered within # days":
            return delivered and longest_wait <= numbers[0] * SPANS[words.split()[-1].removesuffix("s")]
    msg = f"not an expectation: {expectation}"
    raise AssertionError(msg)


def facts(outcomes: Sequence[Outcome]) -> str:
    return "; ".join(
        f"blocked {outcome.blocked_by is not None}, held {outcome.held}, escaped {outcome.escaped}, "
        f"highest score {outcome.highest:.1f}, longest wait {outcome.longest_wait / 3600:.1f} h, "
        f"undelivered {outcome.undelivered}"
        for outcome in outcomes
    )
