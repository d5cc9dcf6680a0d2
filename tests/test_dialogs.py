"""Every reply that we can give, as conversations in `tests/dialogs`, against a relay on a real socket."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from detector import config
from detector.mail.login import PolicyRequest
from detector.mail.reply import Reply
from detector.relay import replies
from tests.support import dialog
from tests.support.held_house import held_house
from tests.support.relay_house import House, house
from tests.support.smtp_sink import SmtpSink

FOLDER = Path(__file__).parent / "dialogs"
DIALOGS = sorted(FOLDER.glob("*.dialog"))
BASE = ("observe = false", 'relay.hostname = "hop.example"', 'next_hop.tls.mode = "off"')
ELSEWHERE = {
    "TOO_MANY_CONNECTIONS": "tests/unit/relay/test_server.py",
    "TOO_MANY_FROM_CLIENT": "tests/unit/relay/test_server.py",
    "STOPPING": "tests/unit/relay/test_server.py",
    "NEXT_HOP_CHANGED": "tests/unit/relay/test_exchange.py",
    "READY_FOR_TLS": "tests/unit/relay/test_session.py",
    "TLS_ACTIVE": "tests/unit/relay/test_session.py",
}
"""Replies that need more than a conversation, and where they are shown."""


@pytest.mark.parametrize("path", DIALOGS, ids=lambda path: path.stem)
async def test_the_conversation_goes_as_written(path: Path, tmp_path: Path) -> None:
    script = dialog.read(path)
    changed = {line.partition(" ")[0] for line in script.config}
    base = [line for line in BASE if line.partition(" ")[0] not in changed]
    settings = config.parse("\n".join([*base, *script.config]))
    with SmtpSink() as sink:
        async with _place(script, settings, tmp_path, sink) as place:
            for key, text in script.setup:
                await _set_up(place, sink, key, text)
            await dialog.play(script, place.port)
        _check_sunk(script, sink)


def test_every_reply_of_ours_is_shown_in_a_dialog() -> None:
    told = "\n".join(path.read_text("utf-8") for path in DIALOGS)
    named = {name: reply for name, reply in vars(replies).items() if isinstance(reply, Reply)}
    missing = [name for name, reply in named.items() if f"S: {reply.code} {reply.lines[0]}" not in told]
    assert sorted(missing) == sorted(ELSEWHERE)


@asynccontextmanager
async def _place(
    script: dialog.Dialog, settings: config.Config, directory: Path, sink: SmtpSink
) -> AsyncIterator[House]:
    """With room for held mail only where the dialog says so: to make it takes time."""
    if ("hold", "yes") in script.setup:
        async with held_house(settings, directory, sink) as (place, _):
            yield place
    else:
        async with house(settings, directory, sink) as place:
            yield place


async def _set_up(place: House, sink: SmtpSink, key: str, text: str) -> None:
    if key == "sink":
        verb, part, reply = text.split(" ", 2)
        sink.answer(verb, part, reply)
    elif key == "blocked":
        place.book.block(text, "i0")
    elif key == "exempt":
        place.exempt(text)
    elif key == "login":
        queue_id, account = text.split()
        await place.join.remember(PolicyRequest("loopback", queue_id, "", "", account, ""), 0.0)
    elif key == "hold":
        assert text == "yes"
    elif key == "dead":
        sink.close()
    elif key == "fault":
        place.profiles.fault = OSError(text)
    else:
        raise ValueError(key)


def _check_sunk(script: dialog.Dialog, sink: SmtpSink) -> None:
    lines = [line for message in sink.messages for line in message.content.decode("utf-8", "replace").split("\r\n")]
    for expected in script.sunk:
        if expected == "(nothing)":
            assert sink.messages == []
        elif expected.startswith("not "):
            assert not [line for line in lines if line.startswith(expected[4:])]
        else:
            assert expected in lines
