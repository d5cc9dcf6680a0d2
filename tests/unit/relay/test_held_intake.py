"""A doubtful message on its way to disk, and what the client hears when it cannot be kept."""

import asyncio
import errno
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector import config
from detector.mail.reply import Reply
from detector.ports import Temporary
from detector.records.held_entries import HeldMessage, HeldState
from detector.relay import held_intake, replies
from detector.relay.held_files import HeldWriter
from detector.relay.held_intake import without_end
from tests.support.held_house import DOUBTFUL, STRANGERS, HeldWorld, doubtful, held_house
from tests.support.mail_to import ANN, submit, submit_without_login
from tests.support.ports import PATIENCE, wait_for
from tests.support.relay_house import House
from tests.support.smtp_sink import SmtpSink
from tests.support.smtp_talk import smtp_talk

Settings = Callable[..., config.Config]
HELD = "250 2.0.0 Ok: queued as "
BY_SENDER = 'identity = [{ source = "envelope-sender" }]'


def files_of(world: HeldWorld) -> list[str]:
    return sorted(path.name for path in world.files.directory.iterdir())


async def test_file_and_row_are_there_when_the_client_hears_250(
    sink: SmtpSink, settings: Settings, tmp_path: Path
) -> None:
    async with held_house(settings(DOUBTFUL), tmp_path, sink) as (place, world):
        assert await doubtful(place) == HELD + "t1"
        assert files_of(world) == ["t1.held"]
        message = world.one()
        content = b"".join(world.files.read("t1"))
        value = place.metrics.registry.get_sample_value
        assert value("detector_recipients_total", {"result": "held"}) == len(STRANGERS)
        assert value("detector_transactions_total", {"verdict": "hold", "outcome": "held"}) == 1
    assert message.mail == "FROM:<ann@example.org>"
    assert [one.argument for one in message.recipients] == [f"TO:<{stranger}>" for stranger in STRANGERS]
    assert message.xforward == {"ADDR": "198.51.100.7", "IDENT": "3QID"}
    assert content.startswith(b"Received: from mta.example")
    assert content.endswith(b"\r\nSubject: x\r\n\r\nhello\r\n")


async def test_what_is_held_teaches_the_profile_nothing(sink: SmtpSink, settings: Settings, tmp_path: Path) -> None:
    async with held_house(settings(DOUBTFUL), tmp_path, sink) as (place, _):
        await doubtful(place)
        profile = place.profiles.profiles["ann@example.org"]
        assert profile.window.in_flight == 0
        assert not profile.known.hashes


async def test_a_large_message_goes_to_disk_in_pieces_and_comes_back_octet_for_octet(
    sink: SmtpSink, settings: Settings, tmp_path: Path
) -> None:
    body = b"Subject: x\r\n\r\n" + b"..line of a large message\r\n" * 100_000 + b"end"
    async with held_house(settings(DOUBTFUL), tmp_path, sink) as (place, world):
        assert await doubtful(place, body=body) == HELD + "t1"
        content = b"".join(world.files.read("t1"))
        assert content.endswith(body + b"\r\n")


async def test_a_message_beyond_a_limit_is_deferred_as_without_a_hold(
    sink: SmtpSink, settings: Settings, tmp_path: Path
) -> None:
    limited = settings(DOUBTFUL, "hold.messages_per_account = 1")
    async with held_house(limited, tmp_path, sink) as (place, world):
        await doubtful(place, "3ONE")
        assert await doubtful(place, "3TWO") == str(replies.MESSAGE_HELD)
        assert files_of(world) == ["t1.held"]
        assert world.value("detector_held_failures_total", reason="limit_of_account") == 1
        assert world.value("detector_refusal_reasons_total", reason="hold") == 1


async def test_a_disk_with_too_little_room_is_told_and_the_message_stays_with_the_client(
    sink: SmtpSink, settings: Settings, tmp_path: Path
) -> None:
    full = settings(DOUBTFUL, f"hold.free_bytes = {2**62}")
    async with held_house(full, tmp_path, sink) as (place, world):
        assert await doubtful(place) == str(replies.NO_STORAGE)
        assert files_of(world) == []
        assert world.value("detector_held_failures_total", reason="disk_full") == 1


@pytest.mark.parametrize(
    "failure",
    [(errno.ENOSPC, replies.NO_STORAGE, "disk_full"), (errno.EIO, replies.MESSAGE_HELD, "disk")],
)
async def test_a_disk_that_fails_while_it_is_written_leaves_nothing_behind(
    sink: SmtpSink,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    failure: tuple[int, Reply, str],
) -> None:
    number, reply, reason = failure

    def commit(_: HeldWriter) -> None:
        raise OSError(number, "it fails")

    monkeypatch.setattr(HeldWriter, "commit", commit)
    async with held_house(settings(DOUBTFUL), tmp_path, sink) as (place, world):
        assert await doubtful(place) == str(reply)
        assert files_of(world) == []
        assert world.all() == []
        assert world.value("detector_held_failures_total", reason=reason) == 1


async def test_without_records_nothing_is_taken_and_the_file_waits_for_the_next_start(
    sink: SmtpSink, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row may have been written all the same: then the file must be there."""
    async with held_house(settings(DOUBTFUL), tmp_path, sink) as (place, world):

        def put(_: HeldMessage) -> bool:
            raise Temporary("records: put_held: locked")

        monkeypatch.setattr(world.records, "put_held", put, raising=False)
        assert await doubtful(place) == str(replies.MESSAGE_HELD)
        assert files_of(world) == ["t1.held"]
        world.housekeeping.begin(world.clock())
        assert files_of(world) == ["t1.aside"]


async def test_what_was_recorded_though_the_answer_was_lost_does_not_pass_as_well(
    sink: SmtpSink, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with held_house(settings(DOUBTFUL), tmp_path, sink) as (place, world):
        really_put = world.records.put_held

        def put(message: HeldMessage) -> bool:
            really_put(message)
            raise Temporary("records: put_held: the connection was lost")

        with monkeypatch.context() as lost:
            lost.setattr(world.records, "put_held", put, raising=False)
            assert await doubtful(place) == str(replies.MESSAGE_HELD)
        place.exempt("ann@example.org")
        assert await doubtful(place) == HELD + "t2"
        assert files_of(world) == ["t1.held"]
    assert sink.messages == []


async def test_records_that_do_not_answer_are_given_up_and_the_message_waits_with_the_client_until_they_can_tell(
    sink: SmtpSink, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held_intake, "DISK_TIME", 0.05)
    gate = threading.Event()
    async with held_house(settings(DOUBTFUL), tmp_path, sink) as (place, world):
        late_records(world, gate, monkeypatch)
        assert await doubtful(place) == str(replies.MESSAGE_HELD)
        place.exempt("ann@example.org")
        assert await doubtful(place) == str(replies.MESSAGE_HELD)  # it may be recorded at any moment
        gate.set()
        recording = world.intake._recording
        await asyncio.to_thread(wait_for, lambda: not recording._stuck, "the records answer again")
        assert world.states() == [HeldState.HELD]
        recording._patience = PATIENCE  # on a busy machine the thread may take its time
        assert await doubtful(place) == HELD + "t3"
        assert world.value("detector_held_failures_total", reason="records") == 2
    assert sink.messages == []


async def test_what_is_recorded_too_late_and_would_not_be_known_again_is_left_to_people(
    sink: SmtpSink, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held_intake, "DISK_TIME", 0.05)
    gate = threading.Event()
    async with held_house(settings(DOUBTFUL, BY_SENDER), tmp_path, sink) as (place, world):
        late_records(world, gate, monkeypatch)
        assert await without_queue_id(place) == str(replies.MESSAGE_HELD)
        gate.set()
        await asyncio.to_thread(wait_for, lambda: world.states() == [HeldState.IN_DOUBT], "it is in doubt")
        assert "it may have come again" in world.one().problem
        await world.turn()
    assert sink.messages == []


async def without_queue_id(place: House) -> str:
    """As `doubtful`, from a client that does not tell what it calls the message."""
    async with smtp_talk(place.port) as talk:
        await talk.hear()
        for command in ("EHLO pc.example", f"MAIL FROM:<{ANN}>", *(f"RCPT TO:<{one}>" for one in STRANGERS), "DATA"):
            await talk.ask(command)
        return await talk.message(b"Subject: x\r\n\r\nhello")


def late_records(world: HeldWorld, gate: threading.Event, monkeypatch: pytest.MonkeyPatch) -> None:
    """They take a message as soon as the gate is open."""
    really_put = world.records.put_held

    def put(message: HeldMessage) -> bool:
        assert gate.wait(PATIENCE)
        return really_put(message)

    monkeypatch.setattr(world.records, "put_held", put, raising=False)


async def test_a_message_handed_over_again_is_kept_once(sink: SmtpSink, settings: Settings, tmp_path: Path) -> None:
    async with held_house(settings(DOUBTFUL), tmp_path, sink) as (place, world):
        assert [await doubtful(place), await doubtful(place)] == [HELD + "t1", HELD + "t2"]
        assert await doubtful(place, body=b"Subject: x\r\n\r\nanother text") == HELD + "t3"
        assert files_of(world) == ["t1.held", "t3.held"]
        assert world.value("detector_held_results_total", result="repeated") == 1


async def test_it_does_not_pass_either_when_it_is_not_doubtful_any_more(
    sink: SmtpSink, settings: Settings, tmp_path: Path
) -> None:
    async with held_house(settings(DOUBTFUL), tmp_path, sink) as (place, world):
        await doubtful(place)
        place.exempt("ann@example.org")
        assert await doubtful(place) == HELD + "t2"
        assert files_of(world) == ["t1.held"]
        assert (await submit(place, "3QID", STRANGERS, b"another body"))[-1] == "250 2.0.0 Ok"
    assert len(sink.messages) == 1


async def test_it_is_known_when_the_login_is_forgotten_as_after_a_crash(
    sink: SmtpSink, settings: Settings, tmp_path: Path
) -> None:
    async with held_house(settings(DOUBTFUL), tmp_path, sink) as (place, world):
        await doubtful(place)
        place.join.logins.clear()
        assert (await submit_without_login(place, "3QID", STRANGERS))[-1] == HELD + "t2"
        assert (await submit_without_login(place, "3OTHER", STRANGERS))[-1] == "250 2.0.0 Ok"
        assert files_of(world) == ["t1.held"]
        assert world.value("detector_held_results_total", result="repeated") == 1
    assert len(sink.messages) == 1


async def test_while_the_records_cannot_tell_whether_it_is_held_it_waits_with_the_client(
    sink: SmtpSink, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with held_house(settings(DOUBTFUL), tmp_path, sink) as (place, world):
        await doubtful(place)
        place.exempt("ann@example.org")

        def was_held(_: str) -> bool:
            raise Temporary("records: was_held: locked")

        monkeypatch.setattr(world.records, "was_held", was_held, raising=False)
        assert await doubtful(place) == str(replies.MESSAGE_HELD)
        assert await doubtful(place, "3OTHER") == "250 2.0.0 Ok"
        assert world.value("detector_held_failures_total", reason="records") == 1
    assert len(sink.messages) == 1


@given(st.lists(st.binary(max_size=5), max_size=8))
async def test_only_the_end_mark_is_taken_away_wherever_the_pieces_end(pieces: list[bytes]) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for piece in [*pieces, b".", b"\r\n"]:
            yield piece

    assert b"".join([octets async for octets in without_end(chunks())]) == b"".join(pieces)
