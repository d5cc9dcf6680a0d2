"""Syslog from the network becomes lines of a log."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.feedback import exim_log, postfix_log
from detector.feedback.notices import Attempt, Outcome
from detector.feedback.syslog_frames import BadFraming, Frames, as_line
from detector.replay.log_files import LINE_BYTES

OLD = b"<22>Mar  5 10:00:00 mx1 postfix/smtp[4711]: 4AB1: removed"
LINE = b"Mar  5 10:00:00 mx1 postfix/smtp[4711]: 4AB1: removed"


def counted(message: bytes) -> bytes:
    return b"%d %s" % (len(message), message)


def fed(octets: bytes, size: int = 1000) -> list[bytes]:
    frames = Frames()
    return [frame for start in range(0, len(octets), size) for frame in frames.feed(octets[start : start + size])]


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_both_framings_are_understood_even_mixed(size: int) -> None:
    octets = counted(OLD) + OLD + b"\n" + counted(OLD + b"\n") + OLD + b"\r\n" + OLD + b"\0\n"
    assert fed(octets, size) == [OLD] * 5


def test_a_counted_message_may_hold_line_ends() -> None:
    assert fed(counted(b"<22>one\ntwo") + counted(b"<22>three")) == [b"<22>one\ntwo", b"<22>three"]


def test_a_message_that_is_too_long_is_skipped_and_counted_once() -> None:
    frames = Frames()
    found = list(frames.feed(OLD + b"\n<22>"))
    for _ in range(20):
        found += frames.feed(b"9 " * 5000)
    found += frames.feed(b"x\n" + OLD + b"\n")
    assert (found, frames.too_long) == ([OLD, OLD], 1)
    assert list(frames.feed(b"<22>" + b"y" * (LINE_BYTES + 1) + b"\n" + OLD + b"\n")) == [OLD]
    assert frames.too_long == 2


@pytest.mark.parametrize("beginning", [b"99999999 <22>", b"65537 <22>"])
def test_a_count_beyond_all_measure_ends_the_stream(beginning: bytes) -> None:
    with pytest.raises(BadFraming):
        list(Frames().feed(beginning))


PIECES = st.sampled_from([b"<22>one", b"\n", b"\r\n", b"\0", b"5 12345", b"12 ", b"99999 ", b"0", b" ", b"two"])


@given(st.binary(max_size=300) | st.lists(PIECES, max_size=20).map(b"".join), st.integers(1, 50))
def test_pieces_in_which_a_stream_comes_make_no_difference(octets: bytes, size: int) -> None:
    def heard(size: int) -> tuple[list[bytes], bool]:
        frames, found = Frames(), list[bytes]()
        try:
            for start in range(0, len(octets), size):
                for frame in frames.feed(octets[start : start + size]):
                    found.append(frame)
        except BadFraming:
            return found, False
        return found, True

    assert heard(size) == heard(1000)


@given(st.lists(st.binary(min_size=1, max_size=60)), st.integers(1, 50))
def test_counted_messages_come_out_as_they_went_in(messages: list[bytes], size: int) -> None:
    found = [message.rstrip(b"\r\n\0") for message in messages]
    assert fed(b"".join(map(counted, messages)), size) == [message for message in found if message]


@given(st.binary(max_size=300))
def test_a_message_is_one_line_whatever_its_octets(octets: bytes) -> None:
    assert as_line(octets) is None
    assert as_line(b"<22>-" + octets) == b"-" + octets.replace(b"\n", b" ")
    assert b"\n" not in (as_line(b"<22>1 - mx1 exim 1 - - " + octets) or b"")


@pytest.mark.parametrize(
    "message",
    [
        b"<22>1 2026-03-05T10:00:00Z mx1 postfix/smtp 4711 - - 4AB1: removed",
        b"<22>1 2026-03-05T10:00:00Z mx1 postfix/smtp 4711 ID7 - \xef\xbb\xbf4AB1: removed",
        b'<22>1 2026-03-05T10:00:00Z mx1 postfix/smtp 4711 - [a@1 b="\\]\\" ]"][c@2] 4AB1: removed',
    ],
)
def test_a_message_of_rfc_5424_reads_like_a_line_of_a_file(message: bytes) -> None:
    assert as_line(message) == b"2026-03-05T10:00:00Z mx1 postfix/smtp[4711]: 4AB1: removed"


def test_a_message_of_rfc_3164_is_one() -> None:
    assert as_line(OLD) == LINE


@pytest.mark.parametrize(
    "message", [b"", b"hello", b"<22", b"<9999>x", b"<22>1 short", b"<22>1 t h a p m [unfinished text"]
)
def test_what_is_no_syslog_is_none(message: bytes) -> None:
    assert as_line(message) is None


def test_line_ends_inside_a_message_make_no_second_line() -> None:
    assert (
        as_line(b"<22>Mar  5 10:00:00 mx1 app[1]: x\nMar  5 forged") == b"Mar  5 10:00:00 mx1 app[1]: x Mar  5 forged"
    )


def test_what_rsyslog_sends_is_understood() -> None:
    """As version 8.2302 writes it, with the template of the handbook."""
    stream = (
        b"130 <22>1 2026-11-22T10:31:36.810119+00:00 mx1 postfix 4711 - -  4XyZ1: to=<bob@example.net>, relay=x, "
        b"dsn=5.1.1, status=bounced (no)\n"
        b"141 <22>1 2026-11-22T10:31:36.810136+00:00 mx1 exim 4711 - -  2026-11-22 10:30:00 1xV2CX-0002CW-2L ** "
        b"eve@example.net R=out T=smtp: 550 5.1.1 no\n"
    )
    lines = [as_line(frame) or b"" for frame in Frames().feed(stream)]
    found = [postfix_log.read(lines[0]), exim_log.read(lines[1])]
    assert [one.outcome for one in found if isinstance(one, Attempt)] == [Outcome.BOUNCED] * 2
