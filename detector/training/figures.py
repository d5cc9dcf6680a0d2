"""What the ledger model is worth on accounts that it was not learned from: e-values of honest days, at most about 1."""

from collections.abc import Callable, Mapping, Sequence
from math import exp
from statistics import fmean

from msgspec.structs import replace

from detector.mail.transaction import Stream
from detector.traffic.baseline import Baseline, Prior, Today
from detector.traffic.clock import DAY
from detector.traffic.cohort import Priors, learn_cohort
from detector.traffic.counters import Counters
from detector.traffic.features import FEATURES, FEATURES_OF
from detector.traffic.profile import Profile
from detector.traffic.run import Run
from detector.training.prior import LEARNED_FIRST, Life, cohort, mean_e_value, prior_of
from detector.verdict.bulk import weigh_bulk
from detector.verdict.odds import CAP

Tell = Callable[[str], None]


def held_out(timelines: Mapping[str, Sequence[Life]], tell: Tell) -> dict[str, float]:
    """For each timeline the figures of priors that were learned from the others, by name; none of a single one.

    The timelines have no texts and nobody outside, so the copies of texts and the open world are left out.
    """
    found: dict[str, float] = {}
    for name, lives in timelines.items():
        others = [life.days for other, more in timelines.items() if other != name for life in more]
        if others:
            tell(f"{name}, by what the others tell")
            found |= {f"{name}: {figure}": value for figure, value in _figures(others, lives).items()}
    return found


def _figures(others: list[list[Today]], lives: Sequence[Life]) -> dict[str, float]:
    moments = cohort(others, open_world=1.0)
    days = [life.days for life in lives]
    found = {"days": float(sum(max(0, len(one) - LEARNED_FIRST) for one in days))}
    for index in FEATURES_OF[Stream.PERSONAL]:
        feature = FEATURES[index].name
        if any(today.peaks[index] for one in days for today in one):
            found[feature] = round(mean_e_value(days, index, moments[feature], moments[feature].dispersion), 3)
    prior = prior_of([moments[feature.name] for feature in FEATURES])
    bulk, runs = bulk_and_runs(lives, prior)
    return found | {"to_strangers_in_a_row": round(runs, 3), "bulk": round(bulk, 3)}


def bulk_and_runs(lives: Sequence[Life], prior: Prior) -> tuple[float, float]:
    """Mean e-values of group bulk, and of the day's longest run of messages to strangers, by the days before."""
    bulk, runs = [], []
    for life in lives:
        baseline = Baseline()
        for number, (today, longest) in enumerate(zip(life.days, life.runs, strict=True)):
            profile = Profile(counters=Counters(features=today.peaks), baseline=baseline, run=Run(to_strangers=longest))
            score = weigh_bulk(profile, Stream.PERSONAL, prior)
            if number >= LEARNED_FIRST:
                bulk.append(exp(score.nats))
                runs.append(exp(min(score.evidence[-1].nats, CAP)))
            if score.nats < CAP:
                baseline = baseline.learn(today)
    return fmean(bulk), fmean(runs)


def taken_for_others(lives: Sequence[Life], priors: Priors) -> int:
    """How many accounts would ever be learned as something else than a person."""
    return sum(_ever_other(life, priors) for life in lives)


def _ever_other(life: Life, priors: Priors) -> bool:
    profile = Profile(first_seen=life.days[0].day * DAY)
    for today in life.days:
        profile = learn_cohort(profile.on_day(today.day), today.day, priors)
        if profile.cohort > 1:
            return True
        profile = replace(profile, today=today)
    return False
