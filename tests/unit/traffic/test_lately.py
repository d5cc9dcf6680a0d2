"""Amounts of the last day fade by half in each day, and only what comes in changes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.traffic.clock import DAY
from detector.traffic.lately import Lately

NOW = 1.8e9
amounts = st.floats(min_value=0.0, max_value=1e6)


@given(amounts, amounts)
def test_half_of_everything_is_left_after_a_day(elsewhere: float, probed: float) -> None:
    lately = Lately().add(elsewhere, NOW).probe(probed, NOW).at(NOW + DAY)
    assert (lately.elsewhere, lately.probed) == (elsewhere / 2, probed / 2)
    assert lately.updated_at == NOW + DAY


def test_what_brings_nothing_changes_nothing() -> None:
    lately = Lately().add(1.0, NOW)
    assert lately.add(0.0, NOW + DAY) is lately


def test_it_is_known_when_the_last_probe_went() -> None:
    assert Lately().probe(5.0, NOW).add(1.0, NOW + 60.0).probed_at == NOW


def test_a_clock_that_steps_backwards_brings_nothing_back() -> None:
    assert Lately().add(4.0, NOW).at(NOW - DAY).elsewhere == 4.0


@given(st.lists(amounts, max_size=5), amounts)
def test_who_is_delivered_is_withheld_no_longer(withheld: list[float], delivered: float) -> None:
    lately = Lately()
    for recipients in withheld:
        lately = lately.withhold(recipients, NOW)
    assert lately.answer(delivered, NOW).withheld == pytest.approx(max(0.0, sum(withheld) - delivered))


def test_where_nothing_is_withheld_a_delivery_changes_nothing() -> None:
    lately = Lately().add(1.0, NOW)
    assert lately.answer(5.0, NOW + DAY) is lately


def test_half_of_what_is_withheld_is_forgotten_in_a_day() -> None:
    assert Lately().withhold(24.0, NOW).at(NOW + DAY).withheld == 12.0
