"""The spool of a replay: first in, first out, for each account; and who is to be looked at, when."""

from collections import defaultdict, deque

from hypothesis import given
from hypothesis import strategies as st

from detector.mail.transaction import Stream, Transaction
from detector.replay.spool import Spool, Waiting
from detector.verdict.hold import Held
from tests.histories import transaction

HELD = Held(Stream.PERSONAL, ())
accounts = st.sampled_from(["ann", "bob", "eve"])
times = st.floats(min_value=0.0, max_value=1000.0)
steps = st.one_of(
    st.tuples(st.just("put"), accounts, times),
    st.tuples(st.just("take"), accounts, times),
    st.tuples(st.just("look"), accounts, times),
    st.tuples(st.just("due"), accounts, times),
)


def message(number: int) -> Transaction:
    return transaction(number)


def holding(*accounts: str) -> Spool:
    spool = Spool()
    for number, account in enumerate(accounts):
        spool.put(account, message(number), HELD)
    return spool


def test_messages_come_out_in_the_order_in_which_they_went_in() -> None:
    spool = holding("ann", "bob", "ann")
    first = spool.first("ann")
    assert first == Waiting(message(0), HELD)
    spool.take("ann")
    second = spool.first("ann")
    assert second is not None
    assert second.transaction == message(2)
    spool.take("ann")
    assert spool.first("ann") is None
    assert spool.first("bob") is not None


def test_nothing_is_due_before_its_time_and_then_once() -> None:
    spool = holding("ann")
    spool.look_at("ann", 100.0)
    assert list(spool.due(99.9)) == []
    assert list(spool.due(100.0)) == ["ann"]
    assert list(spool.due(1e9)) == []


def test_the_earliest_time_counts() -> None:
    spool = holding("ann")
    for time in (100.0, 50.0, 200.0):
        spool.look_at("ann", time)
    assert list(spool.due(50.0)) == ["ann"]


def test_an_account_of_which_nothing_is_held_is_never_looked_at() -> None:
    spool = holding("ann")
    spool.look_at("bob", 1.0)
    spool.look_at("ann", 1.0)
    spool.take("ann")
    assert list(spool.due(1e9)) == []


def test_one_that_is_looked_at_may_be_looked_at_again() -> None:
    spool = holding("ann", "bob")
    spool.look_at("ann", 10.0)
    spool.look_at("bob", 10.0)
    seen = []
    for account in spool.due(10.0):
        seen.append(account)
        spool.look_at(account, 40.0)
    assert sorted(seen) == ["ann", "bob"]
    assert sorted(spool.due(40.0)) == ["ann", "bob"]


class Plain:
    """What a spool is, without any cleverness: a queue for each account, and a calendar."""

    def __init__(self) -> None:
        self.queues = defaultdict[str, deque[Waiting]](deque)
        self.calendar = dict[str, float]()

    def put(self, account: str, one: Transaction) -> None:
        self.queues[account].append(Waiting(one, HELD))

    def take(self, account: str) -> None:
        self.queues[account].popleft()
        if not self.queues[account]:
            self.calendar.pop(account, None)

    def look_at(self, account: str, time: float) -> None:
        if self.queues[account]:
            self.calendar[account] = min(time, self.calendar.get(account, time))

    def due(self, now: float) -> list[str]:
        due = [account for account, time in self.calendar.items() if time <= now]
        for account in due:
            del self.calendar[account]
        return sorted(due)


@given(st.lists(steps, max_size=60))
def test_it_does_what_a_plain_queue_and_a_plain_calendar_do(history: list[tuple[str, str, float]]) -> None:
    spool, plain = Spool(), Plain()
    for number, (verb, account, time) in enumerate(history):
        if verb == "put":
            spool.put(account, message(number), HELD)
            plain.put(account, message(number))
        elif verb == "look":
            spool.look_at(account, time)
            plain.look_at(account, time)
        elif verb == "due":
            assert sorted(spool.due(time)) == plain.due(time)
        elif plain.queues[account]:
            spool.take(account)
            plain.take(account)
        assert spool.first(account) == next(iter(plain.queues[account]), None)
