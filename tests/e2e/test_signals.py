"""What service managers do to a relay: reload, stop, and listen to what it says of itself."""

import asyncio
import os
import signal
import socket
import ssl
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.certificates import make_certificate
from tests.support.detector_process import DetectorProcess
from tests.support.ports import PATIENCE, wait_for
from tests.support.smtp_sink import SmtpSink
from tests.support.smtp_talk import smtp_talk

pytestmark = pytest.mark.e2e


def _rewrite(detector: DetectorProcess, old: str, new: str) -> None:
    text = detector.path.read_text("utf-8")
    assert old in text
    detector.path.write_text(text.replace(old, new), "utf-8")


def _reload(detector: DetectorProcess) -> None:
    """Send SIGHUP and wait until the log tells how it went."""
    before = len(detector.events())
    os.kill(detector.process_id, signal.SIGHUP)
    told = ("reloaded", "reload_refused")
    wait_for(lambda: any(one["event"] in told for one in detector.events()[before:]), "the reload is told")


async def _greeting(port: int) -> str:
    async with smtp_talk(port) as talk:
        return await talk.hear()


async def test_sighup_takes_over_the_configuration_and_a_running_session_lives_on(
    sink: SmtpSink, tmp_path: Path
) -> None:
    with DetectorProcess(tmp_path, sink.port) as detector:
        async with smtp_talk(detector.port) as talk:
            await talk.begin()
            _rewrite(detector, "hop.example", "other.example")
            await asyncio.to_thread(_reload, detector)
            assert (await _greeting(detector.port)).startswith("220 other.example")
            assert await talk.message(b"Subject: through") == "250 2.0.0 Ok"


async def test_a_mistake_in_the_new_configuration_changes_nothing(sink: SmtpSink, tmp_path: Path) -> None:
    with DetectorProcess(tmp_path, sink.port) as detector:
        _rewrite(detector, "observe = false", "obzerve = false")
        await asyncio.to_thread(_reload, detector)
        assert "did you mean `observe`" in detector.log()
        assert (await _greeting(detector.port)).startswith("220 hop.example")


async def test_however_fast_it_is_told_to_reload_it_goes_by_what_the_file_says_last(
    sink: SmtpSink, tmp_path: Path
) -> None:
    with DetectorProcess(tmp_path, sink.port) as detector:
        text = detector.path.read_text("utf-8")
        for number in range(30):
            detector.path.write_text(text.replace("hop.example", f"{number}.example") if number % 3 else "", "utf-8")
            os.kill(detector.process_id, signal.SIGHUP)
        detector.path.write_text(text.replace("hop.example", "last.example"), "utf-8")
        await asyncio.to_thread(_reload, detector)
        async with asyncio.timeout(PATIENCE):
            while not (await _greeting(detector.port)).startswith("220 last.example"):
                pass
        assert detector.events("internal_error") == []


async def test_sighup_that_comes_before_mail_is_taken_is_heard_when_it_is_taken(sink: SmtpSink, tmp_path: Path) -> None:
    detector = DetectorProcess(tmp_path, sink.port)
    with ExitStack() as stack:
        stack.callback(detector.kill)
        starting = asyncio.create_task(asyncio.to_thread(detector.start))
        # Whoever holds the state directory has read its configuration, and has nearly everything before it.
        await asyncio.to_thread(wait_for, (detector.state / "lock").exists, "it has begun")
        _rewrite(detector, "hop.example", "other.example")
        os.kill(detector.process_id, signal.SIGHUP)
        await starting
        await asyncio.to_thread(detector.wait_for_events, "reloaded")
        assert (await _greeting(detector.port)).startswith("220 other.example")


async def test_sighup_takes_over_a_new_certificate(sink: SmtpSink, tmp_path: Path) -> None:
    first, second = make_certificate(tmp_path, "first.example"), make_certificate(tmp_path, "second.example")
    tls = {"mode": "may", "certificate": str(first.path), "key": str(first.key_path)}
    with DetectorProcess(tmp_path / "d", sink.port, {"relay": {"tls": tls}}) as detector:
        assert await _certificate(detector.port) == first.path.read_text()
        first.path.write_text(second.path.read_text())
        first.key_path.write_text(second.key_path.read_text())
        await asyncio.to_thread(_reload, detector)
        assert await _certificate(detector.port) == second.path.read_text()


async def test_sigterm_lets_a_message_under_way_arrive(sink: SmtpSink, tmp_path: Path) -> None:
    with DetectorProcess(tmp_path, sink.port) as detector:
        async with smtp_talk(detector.port) as talk:
            await talk.begin()
            stopping = asyncio.create_task(asyncio.to_thread(detector.stop))
            await asyncio.to_thread(wait_for, lambda: bool(detector.events("stopping")), "it is stopping")
            assert await talk.message(b"Subject: in time") == "250 2.0.0 Ok"
            assert (await talk.hear()).startswith("421 4.3.2")
            await stopping
    assert len(sink.messages) == 1


def test_the_service_manager_hears_when_mail_is_taken_and_when_not(
    sink: SmtpSink, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(PATIENCE)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        with DetectorProcess(tmp_path / "d", sink.port) as detector:
            assert manager.recv(100) == b"READY=1"
            _heard(manager, b"WATCHDOG=1")
            detector.stop()
        _heard(manager, b"STOPPING=1")


def _heard(manager: socket.socket, state: bytes) -> None:
    while manager.recv(100) != state:
        pass


async def _certificate(port: int) -> str:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    async with smtp_talk(port) as talk:
        await talk.hear()
        await talk.ask("EHLO pc.example")
        await talk.ask("STARTTLS")
        await talk.writer.start_tls(context)
        return ssl.DER_cert_to_PEM_cert(talk.writer.get_extra_info("ssl_object").getpeercert(binary_form=True))


def test_a_second_process_on_the_same_state_is_refused(sink: SmtpSink, tmp_path: Path) -> None:
    with DetectorProcess(tmp_path / "d", sink.port) as first:
        second = DetectorProcess(tmp_path / "e", sink.port, {"state": {"directory": str(first.state)}})
        with pytest.raises(RuntimeError, match="is used by another running detector"):
            second.start()
