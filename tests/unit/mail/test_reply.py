import pytest

from detector.mail.reply import Reply


def test_a_reply_of_our_own_carries_its_enhanced_code() -> None:
    reply = Reply.of(450, "4.7.1", "Too much mail, try again later")
    assert bytes(reply) == b"450 4.7.1 Too much mail, try again later\r\n"
    assert reply.enhanced == "4.7.1"
    assert str(reply) == "450 4.7.1 Too much mail, try again later"


def test_only_the_last_line_has_a_space_after_the_code() -> None:
    assert bytes(Reply(250, ("one", "", "three"))) == b"250-one\r\n250-\r\n250 three\r\n"


def test_a_reply_without_text_is_still_a_line() -> None:
    assert bytes(Reply(250, ())) == b"250 \r\n"
    assert Reply(250, ()).enhanced == ""


def test_octets_of_the_next_hop_come_back_word_for_word() -> None:
    assert bytes(Reply(550, ("5.1.1 n\udcf6",))) == b"550 5.1.1 n\xf6\r\n"


@pytest.mark.parametrize(
    ("text", "enhanced"),
    [("5.1.1", "5.1.1"), ("2.1.5 Ok", "2.1.5"), ("Ok", ""), ("3.1.1 x", ""), ("5.1.1x", ""), ("5.1.1234 x", "")],
)
def test_an_enhanced_code_stands_first_or_not_at_all(text: str, enhanced: str) -> None:
    assert Reply(550, (text,)).enhanced == enhanced


@pytest.mark.parametrize(
    ("code", "positive", "transient"),
    [(250, True, False), (354, False, False), (421, False, True), (550, False, False)],
)
def test_the_first_digit_says_what_to_do(code: int, positive: bool, transient: bool) -> None:
    assert Reply(code, ()).positive is positive
    assert Reply(code, ()).transient is transient
