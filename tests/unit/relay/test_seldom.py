"""What goes wrong with every message does not fill the log."""

from detector.relay.seldom import EVERY, MOST, Seldom, SeldomEach


def test_the_first_time_is_told_at_once_and_the_rest_together_later() -> None:
    seldom = Seldom()
    assert seldom.times_to_tell(1.7e9) == 1
    assert [seldom.times_to_tell(1.7e9 + second) for second in range(1, 10)] == [0] * 9
    assert seldom.times_to_tell(1.7e9 + EVERY, times=5) == 14
    assert seldom.times_to_tell(1.7e9 + EVERY + 1) == 0


def test_a_clock_that_is_set_back_silences_nothing() -> None:
    seldom = Seldom()
    assert seldom.times_to_tell(1.7e9) == 1
    assert seldom.times_to_tell(1.6e9) == 1


def test_each_is_told_for_itself() -> None:
    each = SeldomEach()
    assert [each.times_to_tell(who, 0.0) for who in ("ann", "bob", "ann", "bob")] == [1, 1, 0, 0]
    assert [each.times_to_tell(who, EVERY) for who in ("ann", "bob")] == [2, 2]


def test_no_more_are_counted_than_memory_is_meant_for() -> None:
    each = SeldomEach()
    assert {each.times_to_tell(number, 0.0) for number in range(MOST)} == {1}
    assert each.times_to_tell("one more", 0.0) == 1
    assert each.times_to_tell(0, 0.0) == 1  # it was forgotten
