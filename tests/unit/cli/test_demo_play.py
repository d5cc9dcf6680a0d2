"""Everybody in the demo sends in threads, and goes home when it is over."""

from detector.cli.demo_play import Play
from detector.cli.demo_submission import Submission
from detector.cli.demo_world import CUSTOMERS, VICTIM, Thief
from tests.support.ports import free_port, wait_for


def test_customers_and_thief_send_until_they_are_sent_home() -> None:
    port = free_port()  # nobody listens there: each message is taken and waits
    submission = Submission(port, port, lambda: 0.0)
    with Play(submission, {customer.account: 0 for customer in CUSTOMERS}) as troupe:
        troupe.let_the_thief_in(Thief(every=0.01))
        wait_for(lambda: any(m.letter.stolen for m in submission.messages(VICTIM.account)), "the thief sends")
        wait_for(lambda: any(submission.messages(one.account) for one in CUSTOMERS[1:]), "a customer sends")
    assert len(troupe._threads) > len(CUSTOMERS)
    assert not [thread for thread in troupe._threads if thread.is_alive()]
