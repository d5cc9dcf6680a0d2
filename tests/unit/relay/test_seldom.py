"""What goes wrong with every message does not fill the log."""

from detector.relay.seldom import EVERY, Seldom


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
