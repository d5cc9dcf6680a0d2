"""Runs: recipients that come in alphabetical order, and messages to nobody but strangers."""

from hypothesis import given
from hypothesis import strategies as st

from detector.traffic.run import MOST, Run

names = st.lists(st.text(alphabet="abcdefghij", min_size=2, max_size=6), max_size=30)


def run_of(*local_parts: str) -> Run:
    run = Run()
    for local_part in local_parts:
        run = run.add(local_part)
    return run


@given(names)
def test_the_run_is_as_long_as_the_names_rise_at_the_end(local_parts: list[str]) -> None:
    letters = [
        name[:2] for place, name in enumerate(local_parts) if not place or name[:2] != local_parts[place - 1][:2]
    ]
    rising = 1 if letters else 0
    while 0 < rising < len(letters) and letters[-rising - 1] < letters[-rising]:
        rising += 1
    assert run_of(*local_parts).length == rising


def test_the_same_beginning_neither_lengthens_the_run_nor_ends_it() -> None:
    assert run_of("anna", "bernd", "bertha", "carl").length == 3


def test_letters_in_capitals_are_the_same_letters() -> None:
    assert run_of("ANNA", "bernd").length == run_of("anna", "BERND").length == 2


@given(st.text(max_size=5), st.text(max_size=5))
def test_any_local_part_has_a_place_in_the_order(one: str, other: str) -> None:
    run = run_of(one, other)
    assert 0 <= run.last < 2**16
    assert run.length <= 2


def test_an_octet_that_is_no_text_has_a_place_too() -> None:
    assert run_of("\udcff\udcfe").last == 0xFFFE


def test_of_a_recipient_two_letters_are_kept_and_no_more() -> None:
    assert run_of("annabelle") == run_of("ancient")


@given(st.lists(st.booleans(), max_size=40))
def test_the_messages_since_the_last_friend_are_counted(only_strangers: list[bool]) -> None:
    run = Run()
    for one in only_strangers:
        run = run.message(one)
    last_friend = max((place for place, one in enumerate(only_strangers, 1) if not one), default=0)
    assert run.to_strangers == len(only_strangers) - last_friend


def test_a_run_of_strangers_has_an_end() -> None:
    assert Run(to_strangers=MOST).message(True).to_strangers == MOST


def test_the_two_runs_have_nothing_to_do_with_each_other() -> None:
    assert run_of("anna", "bernd").message(True) == Run(run_of("bernd").last, 2, 1)
