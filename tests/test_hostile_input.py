"""Hostile input by name: it is refused, or passes unchanged; it is never understood otherwise, and nothing breaks."""

import re
from collections.abc import Iterator

import pytest

from detector.content.reader import Reader
from detector.mail.written import Written
from detector.models import load_content
from detector.relay.dots import stuffed
from tests.fuzz.session import Heard, Sessions, cut
from tests.support.hostile_mail import hostile_mail

HELLO = b"EHLO pc.example\r\n"
TO_BOB = b"MAIL FROM:<ann@example.org>\r\nRCPT TO:<bob@example.net>\r\nDATA\r\n"
SMUGGLED = b"MAIL FROM:<evil@example.org>\r\nRCPT TO:<eve@example.net>\r\nDATA\r\nSubject: smuggled\r\n\r\nbuy\r\n.\r\n"
OK, BARE_LINE_END, BAD_SYNTAX = "250 2.0.0", "550 5.5.2", "501 5.5.4"

# Published as ends of a message that some server believes: "SMTP Smuggling" (2023) and the tools that followed it.
REFUSED_ENDS = {
    "LF . LF": b"\n.\n",
    "LF . CR LF": b"\n.\r\n",
    "CR LF . LF": b"\r\n.\n",
    "CR . CR": b"\r.\r",
    "CR . CR LF": b"\r.\r\n",
    "CR LF . CR": b"\r\n.\r",
    "LF . CR": b"\n.\r",
    "CR . LF": b"\r.\n",
    "CR CR LF . CR CR LF": b"\r\r\n.\r\r\n",
    "CR LF . CR CR LF": b"\r\n.\r\r\n",
    "CR LF CR . CR LF": b"\r\n\r.\r\n",
    "LF LF . LF LF": b"\n\n.\n\n",
    "CR LF NUL LF . CR LF": b"\r\n\0\n.\r\n",
}
UNCHANGED_ENDS = {
    "CR LF NUL . CR LF": b"\r\n\0.\r\n",
    "CR LF . NUL CR LF": b"\r\n.\0\r\n",
    "CR LF . blank CR LF": b"\r\n. \r\n",
    "CR LF . . CR LF": b"\r\n..\r\n",
    "next line (U+0085)": "\u0085.\u0085".encode(),
    "line separator (U+2028)": "\u2028.\u2028".encode(),
    "vertical tab and form feed": b"\x0b.\x0c",
}
# What it is, the command, and what must be answered; nothing of it may reach the next hop as a command of its own.
REFUSED_COMMANDS = {
    "a bare LF": (b"NOOP\nRCPT TO:<eve@example.net>\r\n", BARE_LINE_END),
    "a bare CR": (b"NOOP\rRCPT TO:<eve@example.net>\r\n", BARE_LINE_END),
    "a line of 9000 octets": (b"NOOP " + b"x" * 9_000 + b"\r\n", "500 5.5.2"),
    "a line end in an XFORWARD attribute": (b"XFORWARD IDENT=a+0D+0ARCPT\r\n", BAD_SYNTAX),
    "a NUL in an XFORWARD attribute": (b"XFORWARD IDENT=a+00\r\n", BAD_SYNTAX),
    "a line end in an XCLIENT login": (b"XCLIENT LOGIN=ann+0D+0AX-AuthUser:+20eve\r\n", BAD_SYNTAX),
    "an XFORWARD attribute said twice": (b"XFORWARD IDENT=a IDENT=b\r\n", BAD_SYNTAX),
    "half an escape": (b"XFORWARD IDENT=a+0\r\n", BAD_SYNTAX),
    "an attribute that nobody knows": (b"XFORWARD LOGIN=ann@example.org\r\n", BAD_SYNTAX),
    "a NUL in an address": (b"MAIL FROM:<ann\0@example.org>\r\n", "501"),
    "a tab in an address": (b"MAIL FROM:<ann\t@example.org>\r\n", "501"),
    "two addresses": (b"MAIL FROM:<ann@example.org><eve@example.org>\r\n", "501"),
    "a size that is no number": (b"MAIL FROM:<ann@example.org> SIZE=-1\r\n", "501"),
    "a size beyond all limits": (b"MAIL FROM:<ann@example.org> SIZE=99999999999999999999\r\n", "552"),
    "a parameter said twice": (b"MAIL FROM:<ann@example.org> SIZE=1 SIZE=2\r\n", "501"),
    "an address of 5000 octets": (b"MAIL FROM:<" + b"a" * 5_000 + b"@example.org>\r\n", "501"),
    "STARTTLS with an argument": (b"STARTTLS now\r\n", "501"),
    "a command in another language": ("\uff2d\uff21\uff29\uff2c FROM:<ann@example.org>\r\n".encode(), "500"),
}
UNCHANGED_ADDRESSES = {
    "letters of another alphabet": "\u0430nn@example.org",  # the first is Cyrillic
    "right to left": "ann\u202egro.elpmaxe@example.org",
    "nothing to be seen": "an\u200bn@example.org",
    "marks of their own": "a\u0301nn@exa\u0301mple.org",
    "a wide at sign": "ann\uff20evil.example@example.org",
    "a dotless i": "l\u0131nda@example.org",
    "a domain in another alphabet": "ann@ex\u0430mple.org",
    "a wide dot": "ann@example\u3002org",
    "quoted": '"eve@evil.example"@example.org',
    "quoted brackets": '"<eve@evil.example>"@example.org',
    "a source route": "@evil.example:ann@example.org",
    "percent": "ann%evil.example@example.org",
    "a bang path": "evil.example!ann@example.org",
    "no UTF-8": "ann\udcff@example.org",
}


@pytest.fixture(scope="module")
def sessions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sessions]:
    place = Sessions(tmp_path_factory.mktemp("spool"), "relay.limits.message_size_bytes = 20_000_000")
    yield place
    place.close()


def unmoved(sessions: Sessions, octets: bytes, length: int = 0) -> Heard:
    """A session in which no fault of ours is laid bare."""
    heard = sessions.hold(cut(octets, length or len(octets)))
    assert not sessions.faults
    assert b"Traceback" not in heard.client
    return heard


def last_reply(heard: Heard) -> str:
    return heard.replies[-1].decode()


@pytest.mark.parametrize("length", [0, 1, 2, 3])
@pytest.mark.parametrize("end", REFUSED_ENDS.values(), ids=REFUSED_ENDS)
def test_what_only_some_servers_take_for_an_end_is_refused(sessions: Sessions, end: bytes, length: int) -> None:
    heard = unmoved(sessions, HELLO + TO_BOB + b"Subject: x\r\n\r\nhello" + end + SMUGGLED, length)
    assert last_reply(heard).startswith(BARE_LINE_END)
    assert not heard.messages
    assert b"eve" not in heard.next_hop


@pytest.mark.parametrize("length", [0, 1, 2, 3])
@pytest.mark.parametrize("end", UNCHANGED_ENDS.values(), ids=UNCHANGED_ENDS)
def test_what_looks_like_an_end_to_people_only_passes_unchanged(sessions: Sessions, end: bytes, length: int) -> None:
    message = b"Subject: x\r\n\r\nhello" + end + SMUGGLED
    heard = unmoved(sessions, HELLO + TO_BOB + message, length)
    assert last_reply(heard).startswith(OK)
    (passed,) = heard.messages
    assert passed.endswith(message)


@pytest.mark.parametrize("length", range(1, 8))
def test_the_end_is_found_wherever_packets_begin_and_what_follows_is_a_command(sessions: Sessions, length: int) -> None:
    heard = unmoved(
        sessions, HELLO + TO_BOB + b"Subject: x\r\n\r\nhello\r\n...\r\n.\r\n" + TO_BOB + b"\r\n.\r\n", length
    )
    first, second = heard.messages
    assert first.endswith(b"\r\n\r\nhello\r\n...\r\n.\r\n")
    assert second.endswith(b"\r\n\r\n.\r\n")
    assert heard.replies.count(b"250 2.0.0 Ok: queued as A1B2") == 2


@pytest.mark.parametrize("length", [0, 1])
@pytest.mark.parametrize(("command", "reply"), REFUSED_COMMANDS.values(), ids=REFUSED_COMMANDS)
def test_a_hostile_command_is_refused(sessions: Sessions, command: bytes, reply: str, length: int) -> None:
    heard = unmoved(sessions, HELLO + command, length)
    assert last_reply(heard).startswith(reply)
    assert b"eve" not in heard.next_hop


@pytest.mark.parametrize("address", UNCHANGED_ADDRESSES.values(), ids=UNCHANGED_ADDRESSES)
def test_an_address_that_plays_tricks_passes_unchanged(sessions: Sessions, address: str) -> None:
    octets = address.encode("utf-8", "surrogateescape")
    commands = b"MAIL FROM:<" + octets + b"> SMTPUTF8\r\nRCPT TO:<" + octets + b">\r\n"
    heard = unmoved(sessions, HELLO + commands + b"DATA\r\nSubject: x\r\n\r\nhello\r\n.\r\n")
    assert last_reply(heard).startswith(OK)
    assert heard.next_hop.startswith(commands)


def test_what_xforward_says_goes_on_escaped(sessions: Sessions) -> None:
    heard = unmoved(sessions, HELLO + b"XFORWARD HELO=a+20b+2Bc+3Dd NAME=+C3+A9\r\n" + TO_BOB + b".\r\n")
    assert heard.next_hop.startswith(b"XFORWARD HELO=a+20b+2Bc+3Dd\r\nXFORWARD NAME=+C3+A9\r\nMAIL ")


def test_a_name_in_helo_writes_no_header(sessions: Sessions) -> None:
    heard = unmoved(sessions, b"EHLO x\0\x0b) (by evil); <b>\xff\r\n" + TO_BOB + b"Subject: x\r\n\r\nhello\r\n.\r\n")
    (message,) = heard.messages
    assert re.match(rb"Received: from x[?]+by\?evil[?b]+ \(\[127\.0\.0\.1\]\)\r\n", message)


@pytest.mark.parametrize("name", hostile_mail())
def test_a_message_that_is_made_to_cost_passes_unchanged_and_is_read(
    sessions: Sessions, reader: Reader, name: str
) -> None:
    message = hostile_mail()[name]
    heard = unmoved(sessions, HELLO + TO_BOB + stuffed(message) + b".\r\n", 65_536)
    assert last_reply(heard).startswith(OK)
    (passed,) = heard.messages
    assert passed.endswith(stuffed(message) + b".\r\n")
    reader.read(Written.of(message))
    assert reader.fault is None


@pytest.fixture(scope="module")
def reader() -> Reader:
    """With the model that is shipped."""
    model, usual, _ = load_content()
    return Reader(model, usual)
