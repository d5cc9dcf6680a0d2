from itertools import product

import pytest

from detector.incident.incident import TRANSITIONS, Event, IllegalTransition, Incident, State, Step, advance
from detector.verdict.verdict import Action, Verdict


def incident(state: State) -> Incident:
    verdict = Verdict(Action.BLOCK, 12.0, (), "policy-1", "model-1")
    return Incident("i1", "ann", True, state, 100.0, 100.0, verdict, "t1", {})


def steps_from(state: State, *events: Event) -> tuple[State, list[Step]]:
    current, done = incident(state), list[Step]()
    for event in events:
        current, steps = advance(current, event, now=200.0)
        done.extend(steps)
    return current.state, done


@pytest.mark.parametrize(("state", "event"), [pair for pair in product(State, Event) if pair not in TRANSITIONS])
def test_what_the_table_does_not_know_is_refused_and_changes_nothing(state: State, event: Event) -> None:
    before = incident(state)
    with pytest.raises(IllegalTransition, match=f"incident i1 is {state}: {event} is not possible"):
        advance(before, event, now=200.0)
    assert before == incident(state)


@pytest.mark.parametrize(("state", "event"), TRANSITIONS)
def test_an_event_changes_the_state_and_the_time_and_nothing_else(state: State, event: Event) -> None:
    after, steps = advance(incident(state), event, now=200.0)
    expected, expected_steps = TRANSITIONS[state, event]
    assert (after.state, after.changed_at, steps) == (expected, 200.0, expected_steps)
    assert after.opened_at == 100.0


@pytest.mark.parametrize("start", State)
def test_every_state_can_reach_closed(start: State) -> None:
    reached = {start}
    for _ in State:
        reached |= {target for (source, _), (target, _) in TRANSITIONS.items() if source in reached}
    assert State.CLOSED in reached


def test_every_state_is_reached_from_open() -> None:
    assert {State.OPEN} | {target for target, _ in TRANSITIONS.values()} == set(State)


def test_nothing_happens_to_a_closed_incident() -> None:
    assert not [event for state, event in TRANSITIONS if state is State.CLOSED]


def test_the_block_is_lifted_exactly_when_the_incident_is_closed() -> None:
    for target, steps in TRANSITIONS.values():
        assert (Step.LIFT_BLOCK in steps) == (target is State.CLOSED)


def test_a_strike_is_counted_when_somebody_says_that_it_was_abuse_and_withdrawn_when_that_was_wrong() -> None:
    counting = {pair for pair, (_, steps) in TRANSITIONS.items() if Step.COUNT_STRIKE in steps}
    assert counting == {pair for pair in TRANSITIONS if pair[1] in (Event.CONFIRM, Event.SELF_RELEASE)}
    withdrawing = {pair for pair, (_, steps) in TRANSITIONS.items() if Step.WITHDRAW_STRIKE in steps}
    assert withdrawing == {(State.CONFIRMED, Event.DISMISS)}


def test_a_dismissal_gives_everything_back_and_a_confirmation_lets_nothing_of_the_thief_go_out() -> None:
    for (_, event), (_, steps) in TRANSITIONS.items():
        for back in (Step.RESTORE_PROFILE, Step.RELEASE_HELD, Step.RELEASE_QUEUE, Step.APOLOGISE):
            assert (back in steps) == (event is Event.DISMISS)
        for gone in (Step.DISCARD_HELD, Step.DISCARD_QUEUE):
            assert (gone in steps) == (event in (Event.CONFIRM, Event.SELF_RELEASE))


def test_an_account_that_was_hijacked_comes_back_on_probation_and_one_that_was_not_does_not() -> None:
    for (_, event), (_, steps) in TRANSITIONS.items():
        assert (Step.BEGIN_PROBATION in steps) == (event in (Event.RELEASE, Event.SELF_RELEASE))


def test_the_password_of_an_untrusted_identity_waits_for_a_person() -> None:
    assert steps_from(State.OPEN, Event.APPROVAL_NEEDED) == (State.PENDING, [Step.ASK_OPERATORS])
    assert Step.CONTAIN in steps_from(State.PENDING, Event.CONFIRM)[1]
    assert Step.CONTAIN not in steps_from(State.PENDING, Event.DISMISS)[1]


def test_who_approves_a_containment_has_not_said_that_it_was_abuse() -> None:
    assert steps_from(State.PENDING, Event.APPROVE) == (State.OPEN, [Step.CONTAIN])


def test_a_confirmed_incident_ends_with_the_release() -> None:
    state, steps = steps_from(State.OPEN, Event.STEPS_DONE, Event.CONFIRM, Event.RELEASE)
    assert (state, steps[0], steps[-2]) == (State.CLOSED, Step.COUNT_STRIKE, Step.LIFT_BLOCK)
