"""The cohort prior is learned from timelines: no bulk sender sets its medians, its variances keep e-values honest."""

import gzip
import tomllib
from collections.abc import Iterable
from math import exp
from pathlib import Path

import pytest

from detector.models import MODELS, Moments
from detector.traffic.baseline import Today
from detector.traffic.clock import DAY
from detector.traffic.features import FEATURES
from detector.training import prior
from detector.training.prior import (
    DISPERSIONS,
    LEAST_DAYS,
    OPEN_WORLD,
    cohort,
    least_dispersion,
    life_of,
    lives,
    mean_e_value,
    read_timeline,
)
from detector.verdict.odds import CAP

FIRST = 14_000
INDEX = {feature.name: index for index, feature in enumerate(FEATURES)}

Row = tuple[float, str, list[str]]  # time, sender, recipients


def mail(sender: str, days: int, recipients: int, first: int = FIRST) -> list[Row]:
    """One message at noon of each day, always to the same people."""
    people = [f"{sender}-friend{number}" for number in range(recipients)]
    return [((first + day) * DAY + DAY / 2, sender, people) for day in range(days)]


def account(days: int, recipients: int, first: int = FIRST) -> list[Today]:
    return life_of((time, people) for time, _, people in mail("ann", days, recipients, first)).days


def written(path: Path, rows: Iterable[Row]) -> Path:
    """A timeline that holds these messages."""
    with gzip.open(path, "wt", newline="") as file:
        file.write("timestamp_utc_seconds,sender,message_id_or_empty,recipients\n")
        file.writelines(f"{time:.0f},{sender},,{';'.join(people)}\n" for time, sender, people in sorted(rows))
    return path


def test_a_timeline_is_read_as_it_was_written(tmp_path: Path) -> None:
    rows = list(
        read_timeline(written(tmp_path / "house.csv.gz", [(10.0, "ann", ["bob", "eve"]), (20.0, "bob", ["ann"])]))
    )
    assert rows == [("ann", (10.0, ["bob", "eve"])), ("bob", (20.0, ["ann"]))]


def test_a_day_is_seen_as_the_judge_would_see_it() -> None:
    noon = FIRST * DAY + DAY / 2
    first, second = life_of([(noon, ["a", "b"]), (noon + 600.0, ["a", "c"]), (noon + 2 * DAY, ["a"])]).days
    assert (first.day, second.day) == (FIRST, FIRST + 2)
    assert first.peaks[INDEX["recipients_10m"]] == 2.0  # two, faded to one, and another one
    assert first.peaks[INDEX["new_recipients_10m"]] == 2.0
    assert second.peaks[INDEX["recipients_10m"]] == pytest.approx(1.0)
    assert second.peaks[INDEX["new_recipients_7d"]] == pytest.approx(3.0 * 2 ** (-2 / 7), rel=0.01)
    assert not any(first.peaks[INDEX[name]] for name in ("automatic_recipients_2h", "automatic_recipients_24h"))


def test_a_few_who_send_in_bulk_do_not_set_what_is_usual_for_all() -> None:
    people = [account(30, recipients) for recipients in (1, 2, 2, 3)]
    bulk = account(30, 30)
    alone, together = cohort(people), cohort([*people, bulk])
    assert alone["recipients_10m"].mean == together["recipients_10m"].mean == pytest.approx(2.0)
    assert together["new_recipients_24h"].mean < 2.0


def test_strangers_are_scaled_from_one_house_to_the_open_world_and_nothing_else_is() -> None:
    moments = cohort([account(20, 2)])
    assert moments["recipients_10m"].mean == pytest.approx(2.0)
    assert moments["new_recipients_10m"].mean == pytest.approx(OPEN_WORLD * 2.0 / 20, rel=0.001)
    assert moments["new_recipients_10m"].variance == pytest.approx(OPEN_WORLD**2 * 4.0 * 0.05 * 0.95, rel=0.001)
    assert list(moments) == [feature.name for feature in FEATURES]


def test_the_dispersion_is_the_least_with_which_honest_days_do_not_look_like_evidence() -> None:
    quiet, busy = account(60, 1), account(1, 9, FIRST + 60)
    accounts = [quiet + busy]
    index, moments = INDEX["recipients_10m"], Moments(1.0, 0.1, 0.0)
    dispersion = least_dispersion(accounts, index, moments)
    assert dispersion in DISPERSIONS[1:-1]
    assert mean_e_value(accounts, index, moments, dispersion) <= 1.0
    assert mean_e_value(accounts, index, moments, dispersion - 0.25) > 1.0


def test_a_burst_counts_as_much_as_a_group_may_weigh_and_is_not_learned() -> None:
    index, moments = INDEX["recipients_10m"], Moments(1.0, 1.0, 0.0)
    burst, quiet = account(1, 20_000, FIRST + 40), account(40, 1)
    e_value = mean_e_value([quiet + burst], index, moments, 1.0)
    assert e_value == pytest.approx(exp(CAP) / 26, rel=0.01)  # the days from the sixteenth on
    second = account(1, 20_000, FIRST + 41)
    assert mean_e_value([quiet + burst + second], index, moments, 1.0) == pytest.approx(2 * exp(CAP) / 27, rel=0.01)


def test_timelines_full_of_bursts_are_refused_by_the_name_of_the_feature() -> None:
    accounts = [account(20, 1), account(20, 2), account(20, 1) + account(5, 100_000, FIRST + 100)]
    with pytest.raises(ValueError, match="recipients_10m: e-values stay above 1"):
        cohort(accounts)


@pytest.mark.parametrize("accounts", [[], [account(15, 2)]], ids=["nobody", "two weeks"])
def test_timelines_that_are_too_short_are_refused_with_what_is_missing(accounts: list[list[Today]]) -> None:
    with pytest.raises(ValueError, match="no account has more than 15 active days"):
        cohort(accounts)


def test_the_lives_of_a_timeline_are_those_of_accounts_that_were_seen_for_long(tmp_path: Path) -> None:
    path = written(tmp_path / "house.csv.gz", [*mail("ann", 20, 2), *mail("eve", LEAST_DAYS - 1, 50)])
    assert [len(life.days) for life in lives(path)] == [20]


def test_the_shipped_prior_is_what_the_real_timelines_say(corpora: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The means and variances; the dispersion of one feature, because each takes seconds."""
    names = ("email_eu_core_first150d", "enron_perry")
    settled = [life.days for name in names for life in lives(corpora / "timelines" / f"{name}.csv.gz")]
    shipped = tomllib.loads((MODELS / "ledger" / "prior.toml").read_text("utf-8"))["cohorts"]["person"]["features"]
    monkeypatch.setattr(prior, "least_dispersion", lambda *_: 1.0)
    for name, one in cohort(settled).items():
        assert (one.mean, one.variance) == (shipped[name]["mean"], shipped[name]["variance"])
    index, moments = INDEX["recipients_24h"], Moments(**shipped["recipients_24h"])
    assert mean_e_value(settled, index, moments, moments.dispersion) <= 1.0
    assert mean_e_value(settled, index, moments, moments.dispersion - 0.25) > 1.0
