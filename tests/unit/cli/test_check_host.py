"""What is found on this host."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from detector.cli import check_host
from detector.cli.check_host import check_addresses, check_certificate, check_directories, check_models
from detector.cli.finding import Finding, Level
from detector.config import Config, HostPort, parse
from detector.health import HealthServer
from detector.metrics import Metrics
from detector.models import ModelError
from tests.support.certificates import make_certificate
from tests.support.ports import HOST, PATIENCE, free_port

DAY = 86_400.0


def settings(directory: Path, more: str = "", metrics: int | None = None) -> Config:
    return parse(
        f"""
        policy_service = {{listen = ["{HOST}:{free_port()}"]}}
        metrics = {{listen = "{HOST}:{metrics or free_port()}"}}
        state = {{directory = "{directory / "state"}"}}
        {more or f'relay = {{listen = ["{HOST}:{free_port()}"]}}'}
        """
    )


def about(findings: Iterator[Finding], place: str) -> Finding:
    return next(finding for finding in findings if finding.about == place)


@contextmanager
def healthy() -> Iterator[HealthServer]:
    """The health page of a running detector."""
    health = HealthServer(HostPort(host=HOST, port=0), Metrics("test").registry, lambda: True)
    health.start()
    try:
        yield health
    finally:
        health.stop()


@contextmanager
def server(says: bytes) -> Iterator[int]:
    """Says this to everybody who connects."""
    with socket.create_server((HOST, 0)) as listening:

        def run() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    connection.sendall(says)

        thread = threading.Thread(target=run)
        thread.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(PATIENCE)


def test_directories_that_can_be_made_or_written_are_in_order(tmp_path: Path) -> None:
    config = settings(tmp_path)
    assert "can be made" in about(check_directories(config), "state.directory").text
    (tmp_path / "state").mkdir(mode=0o700)
    assert about(check_directories(config), "state.directory").level is Level.OK


def test_a_directory_that_others_can_enter_is_a_hint(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state").chmod(0o755)
    assert "chmod 700" in about(check_directories(settings(tmp_path)), "state.directory").text


def test_a_file_in_the_place_of_a_directory_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    assert about(check_directories(settings(tmp_path)), "state.directory").level is Level.PROBLEM


def test_an_address_that_another_program_has_is_a_problem(tmp_path: Path) -> None:
    with server(b"220 someone else\r\n") as port:
        config = settings(tmp_path, f'relay = {{listen = ["{HOST}:{port}"]}}')
        found = about(check_addresses(config), "relay.listen")
    assert found.level is Level.PROBLEM
    assert "another program" in found.text


def test_an_address_that_this_host_does_not_have_is_a_problem(tmp_path: Path) -> None:
    config = settings(tmp_path, 'relay = {listen = ["192.0.2.1:10025"]}')
    assert "does not have that address" in about(check_addresses(config), "relay.listen").text


@pytest.mark.parametrize(
    ("greeting", "level"), [(b"220 localhost ESMTP\r\n", Level.OK), (b"554 5.7.1 Not you\r\n", Level.HINT)]
)
def test_beside_a_running_detector_its_answers_count(tmp_path: Path, greeting: bytes, level: Level) -> None:
    with healthy() as health:
        with server(greeting) as port:
            config = settings(tmp_path, f'relay = {{listen = ["{HOST}:{port}"]}}', health.address[1])
            found = {finding.about: finding for finding in check_addresses(config)}
    assert found["metrics.listen"].text.endswith("a detector runs, the health page answers")
    assert found["relay.listen"].level is level
    assert "started with another configuration" in found["policy_service.listen"].text


def test_where_this_host_is_a_balancer_no_greeting_is_waited_for(tmp_path: Path) -> None:
    with healthy() as health:
        with server(b"") as port:
            relay = f'relay = {{listen = ["{HOST}:{port}"], proxy_clients = ["{HOST}"]}}'
            found = {
                finding.about: finding for finding in check_addresses(settings(tmp_path, relay, health.address[1]))
            }
    assert found["relay.listen"].level is Level.OK
    assert "awaits a PROXY header from this host" in found["relay.listen"].text


def test_a_certificate_is_told_with_its_end(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path, "hop.example")
    tls = f'{{mode = "may", certificate = "{certificate.path}", key = "{certificate.key_path}"}}'
    config = settings(tmp_path, f'relay = {{hostname = "hop.example", tls = {tls}}}')
    now = certificate.path.stat().st_mtime
    (soon,) = check_certificate(config, now)
    assert "ends in" in soon.text
    (later,) = check_certificate(config, now - 30 * DAY)
    assert (later.level, later.text) == (Level.OK, f"{certificate.path} is valid for hop.example, 30 more days")


def test_a_certificate_for_another_name_is_a_hint_and_a_missing_one_a_problem(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path, "other.example")
    tls = f'{{mode = "may", certificate = "{certificate.path}", key = "{certificate.key_path}"}}'
    config = settings(tmp_path, f'relay = {{hostname = "hop.example", tls = {tls}}}')
    (found,) = check_certificate(config, 0.0)
    assert found.level is Level.HINT
    assert "not for the name hop.example" in found.text
    certificate.path.unlink()
    (found,) = check_certificate(config, 0.0)
    assert found.level is Level.PROBLEM


def test_clear_text_from_other_hosts_is_a_hint(tmp_path: Path) -> None:
    assert not list(check_certificate(settings(tmp_path), 0.0))
    (found,) = check_certificate(settings(tmp_path, 'relay = {clients = ["192.0.2.0/24", "127.0.0.1"]}'), 0.0)
    assert found.level is Level.HINT


def test_the_models_of_this_checkout_are_what_their_cards_say() -> None:
    found = list(check_models())
    assert [one.level for one in found] == [Level.OK, Level.OK]
    assert [one.text.split()[0] for one in found] == ["ledger", "content"]


def test_a_text_model_that_cannot_be_used_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> None:
        raise ModelError("made for another version")

    monkeypatch.setattr(check_host, "load_content", refused)
    assert [(one.level, one.text) for one in check_models()][1] == (Level.PROBLEM, "made for another version")
