"""What is assumed of senders who are not people follows from what is known of people and of mailings."""

from statistics import fmean, pvariance

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.models import Moments
from detector.traffic.features import FEATURES
from detector.training.assumptions import AUTOMATIC, COPIES, LETTER, STREAM, Mailing, mixed

NAMES = {feature.name for feature in FEATURES}
positive = st.floats(min_value=0.01, max_value=1000.0)


def test_days_with_and_without_a_mailing_have_the_mean_and_the_variance_of_both_together() -> None:
    """Nine days with nothing but one message, and one with a letter of 100 besides."""
    mailing = Mailing(0.1, 100.0, 0.0, {"recipients_24h": 1.0})
    found = mixed({"recipients_24h": Moments(1.0, 0.0, 1.0)}, mailing)["recipients_24h"]
    days = [1.0] * 9 + [101.0]
    assert found.mean == pytest.approx(fmean(days))
    assert found.variance == pytest.approx(pvariance(days))


@given(positive, positive, st.floats(min_value=0.01, max_value=1.0), st.floats(min_value=0.0, max_value=3.0))
def test_a_mailing_never_makes_days_smaller_or_more_even(
    mean: float, variance: float, often: float, spread: float
) -> None:
    people = Moments(mean, variance, 1.0)
    found = mixed({"recipients_24h": people}, Mailing(often, 200.0, spread, {"recipients_24h": 1.0}))["recipients_24h"]
    assert found.mean > people.mean
    assert found.variance >= people.variance - 1e-3


def test_accounts_that_differ_widen_what_is_expected_of_any_but_not_what_one_of_them_may_do() -> None:
    people = {"recipients_24h": Moments(1.0, 1.0, 1.0)}
    alike, unlike = (
        mixed(people, Mailing(1.0, 100.0, 1.0, {"recipients_24h": 1.0}, differ))["recipients_24h"]
        for differ in (0.0, 1.3)
    )
    assert unlike.variance > 2.0 * alike.variance
    assert (unlike.mean, unlike.dispersion) == (alike.mean, alike.dispersion)


def test_what_has_no_part_in_a_mailing_stays_as_it_is() -> None:
    assert mixed(AUTOMATIC, LETTER) == AUTOMATIC
    assert mixed(COPIES, Mailing(1.0, 100.0, 1.0, {})) == COPIES


@pytest.mark.parametrize("mailing", [LETTER, STREAM], ids=["letter", "stream"])
def test_an_assumption_is_about_features_that_exist_and_leaves_none_of_the_personal_ones_out(mailing: Mailing) -> None:
    personal = {name for name in NAMES if not name.startswith("automatic")}
    assert personal <= mailing.parts.keys() <= NAMES
