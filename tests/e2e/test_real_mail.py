"""Five thousand real messages through the hop: each arrives once, with every octet, also when the hop is killed."""

import asyncio
import re
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.corpora import sample
from tests.support.detector_process import DetectorProcess
from tests.support.smtp_client import Letter, Outcome, Sender
from tests.support.smtp_sink import SmtpSink, SunkMessage

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]
MESSAGES, SESSIONS, ACCOUNTS = 5000, 20, 500
# One Received field with its folded lines, and the tag: what the hop puts above a message.
OUR_TRACE = re.compile(rb"Received: [^\r]*\r\n(?:[ \t][^\r]*\r\n)*X-Transaction-Tag: [0-9a-z.]+\r\n")
# Everything is judged and nothing is refused, so that each message must arrive.
OBSERVING = {"observe": True, "identity": [{"source": "envelope-sender"}]}


@pytest.fixture(scope="module")
def letters(corpora: Path) -> list[Letter]:
    return [
        Letter(f"account-{number % ACCOUNTS}@example.net", f"m{number}@example.org", content)
        for number, content in enumerate(sample(corpora, MESSAGES))
    ]


async def test_real_messages_arrive_once_and_unchanged(letters: list[Letter], sink: SmtpSink, tmp_path: Path) -> None:
    with DetectorProcess(tmp_path, sink.port, OBSERVING) as detector:
        outcome = await Sender(detector.port, letters, SESSIONS).run()
        detector.stop()
    assert outcome == Outcome(accepted=MESSAGES)
    assert_unchanged(letters, sink.messages)
    assert Counter(arrived(sink.messages)) == Counter(letter.recipient for letter in letters)


async def test_real_messages_arrive_although_the_hop_is_killed_and_started_again(
    letters: list[Letter], sink: SmtpSink, tmp_path: Path
) -> None:
    """SIGKILL twice. Twice may arrive only what the next hop took in the moment of the kill (RFC 1047)."""
    with DetectorProcess(tmp_path, sink.port, OBSERVING) as detector:
        sending = asyncio.get_running_loop().create_task(Sender(detector.port, letters, SESSIONS).run())
        for share in (0.3, 0.6):
            await _reached(sink, int(share * MESSAGES))
            detector.kill()
            await asyncio.to_thread(detector.start)
        outcome = await sending
        detector.stop()
    assert outcome.accepted == MESSAGES
    assert outcome.refusals == []
    assert outcome.lost_connections > 0
    assert_unchanged(letters, sink.messages)
    times = Counter(arrived(sink.messages))
    assert set(times) == {letter.recipient for letter in letters}
    twice = {recipient for recipient, count in times.items() if count > 1}
    assert twice <= set(outcome.uncertain)
    assert len(outcome.uncertain) <= 2 * SESSIONS


def arrived(messages: Sequence[SunkMessage]) -> list[str]:
    return [address for message in messages for address in message.addresses]


def assert_unchanged(letters: Sequence[Letter], messages: Sequence[SunkMessage]) -> None:
    """Each message is what was sent, below one Received field and the tag of the hop."""
    sent = {letter.recipient: letter.content for letter in letters}
    for message in messages:
        [recipient] = message.addresses
        trace = OUR_TRACE.match(message.content)
        assert trace is not None
        assert b"hop.example" in trace[0]
        assert message.content[trace.end() :] == sent[recipient], recipient


async def _reached(sink: SmtpSink, count: int) -> None:
    deadline = time.monotonic() + 120
    while len(sink.messages) < count:
        assert time.monotonic() < deadline, f"{len(sink.messages)} messages only"
        await asyncio.sleep(0.02)
