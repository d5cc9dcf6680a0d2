from typing import get_args

import pytest

from detector.config import CommandAction, Response, Retry, StepName
from detector.response.plan import CONTAINING, PLANS, SETTLING, Plan, rows

COMMAND = CommandAction(provider="command", argv=("/bin/true",), timeout=300.0)


def test_each_step_of_the_configuration_has_a_row() -> None:
    assert set(PLANS) == set(get_args(StepName))


def test_what_can_be_undone_is_undone_by_a_step_of_a_decision() -> None:
    settling = {plan.step for plan in SETTLING}
    assert {plan.step: plan.undone_by for plan in CONTAINING if plan.undone_by} == {
        "hold_queue": "release_queue",
        "notify_customer": "apologise",
    }
    assert {plan.undone_by for plan in CONTAINING if plan.undone_by} <= settling


@pytest.mark.parametrize("plan", PLANS.values(), ids=lambda plan: plan.step)
def test_each_step_says_how_it_is_undone(plan: Plan) -> None:
    assert bool(plan.undone_by) != bool(plan.undone_how)


def test_no_two_steps_have_the_same_key() -> None:
    assert len({plan.key("i-1") for plan in PLANS.values()}) == len(PLANS)


@pytest.mark.parametrize("plan", PLANS.values(), ids=lambda plan: plan.step)
def test_each_step_belongs_to_a_part_of_the_configuration(plan: Plan) -> None:
    assert plan.section in Response.model_fields


def test_a_provider_that_may_take_longer_is_not_cut_off() -> None:
    plan = PLANS["change_password"]
    assert plan.limit(Response()) == 60.0
    assert plan.limit(Response(password=COMMAND)) == 310.0


def test_several_providers_may_take_their_times_one_after_the_other() -> None:
    plan = PLANS["end_sessions"]
    assert plan.limit(Response()) == 60.0
    assert plan.limit(Response(sessions=(COMMAND, COMMAND))) == 610.0


def test_the_table_shows_what_the_configuration_sets() -> None:
    row = rows(Response(password=COMMAND, retry=Retry(attempts=3, first_wait=1.0, longest_wait=9.0)))[0]
    assert row == {
        "step": "change_password",
        "does": "replaced the password by one that nobody knows",
        "by": "response.password",
        "time limit": "310 s for each attempt",
        "attempts": "3; waits of 1 s, doubled up to 9 s",
        "key": "INCIDENT.change_password",
        "undone": "cannot be undone: `detector password issue ACCOUNT` gives the customer a new one",
        "dry run": "",
    }
