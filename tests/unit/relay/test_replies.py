"""Replies of our own are complete and say nothing about our inner life."""

import pytest

from detector.mail.reply import Reply
from detector.relay import replies

NAMED = {name: reply for name, reply in vars(replies).items() if isinstance(reply, Reply)}


@pytest.mark.parametrize("name", sorted(set(NAMED) - {"START_DATA"}))
def test_the_enhanced_code_fits_the_code(name: str) -> None:
    reply = NAMED[name]
    assert reply.enhanced[0] == str(reply.code)[0]


@pytest.mark.parametrize("name", sorted(NAMED))
def test_no_reply_tells_how_we_work(name: str) -> None:
    text = NAMED[name].lines[0].lower()
    assert not [word for word in ("score", "detector", "sqlite", "exception", "threshold", "hijack") if word in text]
