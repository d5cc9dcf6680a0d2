"""What a server calls a message that it took over, and what stands for one event."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.mail.delivery import event_key, queue_id_of
from detector.mail.reply import Reply


@pytest.mark.parametrize(
    ("reply", "queue_id"),
    [
        (Reply(250, ("2.0.0 Ok: queued as 4fW9Xk1Jz2z3",)), "4fW9Xk1Jz2z3"),
        (Reply(250, ("2.0.0 from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 Ok: queued as 3F2A1",)), "3F2A1"),
        (Reply(250, ("OK id=1xV2CX-0002CW-2L",)), "1xV2CX-0002CW-2L"),
        (Reply(250, ("several", "2.0.0 Ok: queued as 4AB")), "4AB"),
        (Reply(250, ("2.0.0 Ok",)), ""),
        (Reply(250, ()), ""),
        (Reply(451, ("4.3.0 not queued as 4AB",)), ""),
        (Reply(250, ("Ok: queued as " + "A" * 65,)), ""),
    ],
)
def test_the_queue_id_stands_in_the_reply(reply: Reply, queue_id: str) -> None:
    assert queue_id_of(reply) == queue_id


@given(st.lists(st.binary(max_size=4), max_size=4), st.lists(st.binary(max_size=4), max_size=4))
def test_different_parts_have_different_keys(some: list[bytes], others: list[bytes]) -> None:
    assert (event_key(*some) == event_key(*others)) == (some == others)
