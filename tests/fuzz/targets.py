"""What is fuzzed: one function for each door that strangers reach. It takes any octets and asserts what must hold."""

import asyncio
import atexit
import shutil
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path

from detector import config
from detector.content.reader import Reader
from detector.feedback import exim_log, postfix_log
from detector.feedback.syslog_frames import BadFraming, Frames, as_line
from detector.mail import path, xtext
from detector.mail.proxy_protocol import V2_LONGEST, ProxyHeader, ProxyProtocolError, read
from detector.mail.reply import Reply
from detector.mail.written import Written
from detector.metrics import Metrics
from detector.models import load_prior
from detector.relay.body_reader import BodyReader
from detector.relay.command_lines import line
from detector.relay.policy_service import (
    DUNNO,
    REQUEST_LINES,
    BrokenRequest,
    PolicyConnection,
    PolicyService,
    read_request,
)
from detector.relay.reply_parser import MalformedReply, ReplyParser
from detector.replay.log_files import LINE_BYTES
from detector.reports import reader as reports
from detector.traffic.packing import MOST_BYTES, pack, unpack
from detector.verdict.judge import judge
from detector.verdict.policy import Policy
from tests.fuzz.session import Client, Sessions, check, check_babbling, cut
from tests.histories import transaction
from tests.support.relay_house import DictJoin
from tests.support.text_model import small_reader

NOW = 1_790_000_000.0
CORPUS = Path(__file__).with_name("corpus")  # a directory for each target


@cache
def _sessions() -> Sessions:
    limits = ("relay.limits.message_size_bytes = 20_000", "relay.limits.errors_per_session = 5")
    spool = tempfile.mkdtemp(prefix="fuzz")
    atexit.register(shutil.rmtree, spool, ignore_errors=True)
    return Sessions(Path(spool), *limits)


def smtp(octets: bytes) -> None:
    """A client."""
    if octets:
        check(_sessions(), octets)


def body(octets: bytes) -> None:
    """A message, cut in two places by the network: only CR LF . CR LF ends it, and nothing in it looks like an end."""
    reader, rest = BodyReader(10_000), octets[2:]
    taken, behind = b"", rest
    for end in (*sorted(octets[:2]), len(rest)):
        if not reader.complete:
            at = len(rest) - len(behind)
            behind = reader.feed(rest[at : max(at, end)]) + rest[max(at, end) :]
            taken += b"".join(reader.take())
    end = (b"\r\n" + rest).find(b"\r\n.\r\n")
    assert reader.complete is (end >= 0)
    if reader.complete:
        assert behind == rest[end + 3 :]
        alone = rest[: end + 3].replace(b"\r\n", b"")
        refused = b"\r" in alone or b"\n" in alone or end > 10_000
        assert (reader.problem is not None) is refused
        assert refused or taken == rest[: end + 3]


@cache
def _reader() -> Reader:
    return small_reader()


def content(octets: bytes) -> None:
    """A message: whatever it is, it is read."""
    reader = _reader()
    broken = reader.broken
    found = reader.read(Written.of(octets))
    if reader.broken != broken and reader.fault is not None:
        raise reader.fault
    assert len(found.program) + len(found.author) < 2000


def commands(octets: bytes) -> None:
    """Arguments of MAIL, RCPT, XFORWARD and XCLIENT: what is understood has one line, and can be passed on."""
    text = octets.decode("utf-8", "surrogateescape")
    assert xtext.decode(xtext.encode(text)) == text
    for parse in (path.parse_mail, path.parse_rcpt):
        try:
            found = parse(text)
        except ValueError:
            continue
        assert "\r" not in text
        assert "\n" not in text
        assert line("MAIL", text) == b"MAIL " + octets
        assert parse is path.parse_rcpt or found.size_bytes is None or found.size_bytes >= 0
        assert found.auth is not None
        assert str(found.address) is not None
    try:
        attributes = xtext.attributes(text)
    except ValueError:
        return
    for name, value in attributes.items():
        assert name.isascii()
        assert not any(ord(letter) < 32 or ord(letter) == 127 for letter in value)
        assert xtext.decode(xtext.encode(value)) == value


def policy(octets: bytes) -> None:
    """Requests of Postfix: each has one answer, and always the same one; the first octet says how they are cut."""
    with suppress(BrokenRequest):
        request = read_request(octets.split(b"\n"), "127.0.0.1")
        assert request.queue_id or request.client_address
    if not octets:
        return
    length, requests = octets[0] or 1, octets[1:]
    heard = _sessions().run(_policy_talk(requests, length))
    asked = sum(line in {b"", b"\r"} for line in requests.split(b"\n")[:-1])
    assert heard == DUNNO * (len(heard) // len(DUNNO))
    assert len(heard) == asked * len(DUNNO) or (requests.count(b"\n") > REQUEST_LINES and heard.endswith(DUNNO))


@cache
def _service() -> PolicyService:
    return PolicyService(config.PolicyService(), DictJoin(), Metrics("test"), lambda: NOW)


async def _policy_talk(requests: bytes, length: int) -> bytes:
    connection, client = PolicyConnection(_service()), Client()
    connection.connection_made(client)
    for piece in cut(requests, length):
        if not client.is_closing():
            connection.data_received(piece)
        while connection._answering is not None:  # noqa: ASYNC110 - each turn of the loop is what we wait for
            await asyncio.sleep(0)
    connection.connection_lost(None)
    return bytes(client.heard)


def proxy(octets: bytes) -> None:
    """A load balancer: piece by piece the same header as at once, and never more is awaited than may come."""

    def told(octets: bytes) -> ProxyHeader | str | None:
        try:
            return read(octets)
        except ProxyProtocolError:
            return "refused"

    whole = told(octets)
    if whole is None:
        assert len(octets) <= V2_LONGEST
    earlier = next((one for end in range(1, len(octets) + 1) if (one := told(octets[:end])) is not None), None)
    assert earlier == whole or len(octets) == 0


def report(octets: bytes) -> None:
    """A bounce or complaint that anybody may have written."""
    found = reports.read(octets)
    assert len(repr(found)) < 200_000


def log_lines(octets: bytes) -> None:
    """Lines of logs, by file or by syslog."""
    frames = Frames()
    try:
        for message in frames.feed(octets):
            as_line(message)
    except BadFraming:
        pass
    told = as_line(octets)
    assert told is None or (b"\n" not in told and len(told) <= LINE_BYTES)
    for one in (*octets.split(b"\n"), told or b""):
        postfix_log.read(one)
        exim_log.read(one)


@cache
def _policy() -> Policy:
    prior, version = load_prior()
    return Policy(recipient_key=b"k" * 32, priors=prior, model_version=version)


def profile(octets: bytes) -> None:
    """A stored profile: refused as a whole, or one that can be judged by and stored again."""
    try:
        found = unpack(octets)
    except ValueError:
        return
    after, verdict = judge(found, transaction(1), NOW, _policy())
    assert verdict.score == verdict.score
    assert len(pack(after)) <= MOST_BYTES


def reply(octets: bytes) -> None:
    """A next hop: its replies are the same however the network cuts them, and no line end is in them."""

    def told(pieces: list[bytes]) -> tuple[list[Reply], bool]:
        parser, found = ReplyParser(), list[Reply]()
        try:
            for piece in pieces:
                found += parser.feed(piece)
        except MalformedReply:
            return found, False
        return found, True

    half = octets[0] if octets else 0
    rest = octets[1:]
    whole, fine = told([rest])
    parts, fine_too = told([rest[:half], rest[half:]])
    octet_wise, _ = told([rest[at : at + 1] for at in range(len(rest))])
    assert fine is fine_too
    assert parts[: len(whole)] == whole
    assert octet_wise == parts or not fine
    for one in octet_wise:
        assert 200 <= one.code <= 599
        assert not any("\r" in text or "\n" in text for text in one.lines)


def babble(octets: bytes) -> None:
    """A next hop, as a whole transaction hears it: what it says at a time, 0xFF between."""
    check_babbling(_sessions(), octets)


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    target.__name__: target
    for target in (smtp, body, content, commands, policy, proxy, report, log_lines, profile, reply, babble)
}
