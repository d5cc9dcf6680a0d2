import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.mail.reply import Reply
from detector.relay.reply_parser import LINES, REPLY_BYTES, MalformedReply, ReplyParser


def parse(octets: bytes) -> list[Reply]:
    return ReplyParser().feed(octets)


def test_a_reply_is_given_back_octet_for_octet() -> None:
    octets = b"250-next.example\r\n250-  two spaces \t\r\n250-\r\n250 \xe4 is not UTF-8, \xc3\xa4 is\r\n"
    (reply,) = parse(octets)
    assert bytes(reply) == octets


def test_several_replies_at_once_stay_several() -> None:
    assert parse(b"250 one\r\n550-two\r\n550 three\r\n354 fo") == [
        Reply(250, ("one",)),
        Reply(550, ("two", "three")),
    ]


@pytest.mark.parametrize("octets", [b"250\r\n", b"250 \r\n", b"250\n"])
def test_the_text_may_be_missing(octets: bytes) -> None:
    assert parse(octets) == [Reply(250, ("",))]


def test_old_servers_may_end_lines_with_a_bare_lf() -> None:
    assert bytes(parse(b"250-a\n250 b\n")[0]) == b"250-a\r\n250 b\r\n"


@pytest.mark.parametrize(
    "octets",
    [
        b"\r\n",
        b"ok\r\n",
        b"25 short\r\n",
        b"2500 long\r\n",
        b"250\tx\r\n",
        b"150 no such class\r\n",
        b"650 no such class\r\n",
        "٢٥٠ digits\r\n".encode(),
        b"250-a\r\n550 b\r\n",
        b"250 a\rb\r\n",
        b"HTTP/1.1 400 Bad Request\r\n",
        b"250-x\r\n" * (LINES + 1),
        b"250 " + b"x" * REPLY_BYTES + b"\r\n",
        b"250 " + b"x" * REPLY_BYTES,
        b"250-" + b"x" * (REPLY_BYTES // 2) + b"\r\n250 " + b"x" * (REPLY_BYTES // 2) + b"\r\n",
    ],
)
def test_garbage_is_refused(octets: bytes) -> None:
    with pytest.raises(MalformedReply):
        parse(octets)


def test_the_longest_reply_is_still_a_reply() -> None:
    assert len(parse(b"250-x\r\n" * (LINES - 1) + b"250 x\r\n")[0].lines) == LINES


def test_each_reply_may_be_long() -> None:
    long = b"250-" + b"x" * 20_000 + b"\r\n250 x\r\n"
    assert len(parse(long * 5)) == 5


def test_it_knows_whether_a_reply_is_under_way() -> None:
    parser = ReplyParser()
    states = [bool(parser.feed(bytes([octet])) or parser.in_reply) for octet in b"250-a\r\n250 b\r"]
    assert all(states)
    assert parser.feed(b"\n") == [Reply(250, ("a", "b"))]
    assert not parser.in_reply


near_replies = st.lists(
    st.sampled_from([b"250", b"550", b"2", b"-", b" ", b"\r\n", b"\n", b"\r", b"text", b"\xff", b"\x00"])
).map(b"".join)


def outcome(pieces: list[bytes]) -> tuple[list[Reply], bool]:
    parser = ReplyParser()
    replies = []
    for piece in pieces:
        try:
            replies += parser.feed(piece)
        except MalformedReply:
            return replies, False
    return replies, True


@given(st.binary() | near_replies, st.lists(st.integers(0, 200)))
def test_any_octets_in_any_cut_are_replies_or_malformed(octets: bytes, cuts: list[int]) -> None:
    bounds = sorted({0, len(octets), *(cut for cut in cuts if cut < len(octets))})
    pieces = [octets[start:end] for start, end in itertools.pairwise(bounds)]
    replies, well_formed = outcome(pieces)
    whole, whole_well_formed = outcome([octets])
    assert well_formed == whole_well_formed
    assert replies[: len(whole)] == whole
    assert all(200 <= reply.code < 600 and reply.lines for reply in replies)


@given(st.lists(st.tuples(st.integers(200, 599), st.lists(st.binary(), min_size=1, max_size=5)), max_size=5))
def test_what_is_well_formed_comes_back_word_for_word(replies: list[tuple[int, list[bytes]]]) -> None:
    octets = b"".join(
        b"%d%c%s\r\n" % (code, b"-"[0] if i < len(texts) - 1 else b" "[0], text.translate(None, b"\r\n"))
        for code, texts in replies
        for i, text in enumerate(texts)
    )
    assert b"".join(bytes(reply) for reply in parse(octets)) == octets
