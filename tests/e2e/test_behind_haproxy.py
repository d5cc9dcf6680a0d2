"""The recipe for HAProxy, run as it stands in the file, with two detectors behind it and a Postfix before it."""

import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support import packages, postfix
from tests.support.detector_process import CHECKOUT, DetectorProcess, Settings
from tests.support.dovecot import Dovecot
from tests.support.mail_path import Customer, letter, log_in
from tests.support.ports import HOST, PATIENCE, free_port, wait_for
from tests.support.postfix import Postfix
from tests.support.smtp_sink import SmtpSink

pytestmark = pytest.mark.e2e
RECIPE = CHECKOUT / "deploy" / "haproxy" / "haproxy.cfg"
ANN = Customer("ann@example.net")
SUBMISSION = "127.0.0.5"
"""Where the submission server connects from; HAProxy connects from 127.0.0.1."""

BEHIND: Settings = {
    "relay": {"proxy_clients": [HOST], "clients": [SUBMISSION], "xforward_clients": [SUBMISSION]},
    "policy_service": {"proxy_clients": [HOST], "clients": [HOST, SUBMISSION]},
}


@dataclass(frozen=True, slots=True)
class Balanced:
    """`mail` is HAProxy's port for mail, `version_1` another one on which it speaks the first version of the header."""

    mail: int
    version_1: int
    first: DetectorProcess
    second: DetectorProcess
    submission: Postfix
    sink: SmtpSink


@pytest.fixture(scope="module")
def balanced(dovecot: Dovecot, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Balanced]:
    packages.need("haproxy")
    directory = tmp_path_factory.mktemp("haproxy")
    mail, logins, version_1 = free_port(), free_port(), free_port()
    with SmtpSink() as sink, ExitStack() as stack:
        hops = [DetectorProcess(directory / name, sink.port, BEHIND) for name in ("first", "second")]
        for hop in hops:
            stack.enter_context(hop)
        recipe = filled_in(RECIPE.read_text("utf-8"), mail, logins, hops)
        stack.enter_context(haproxy(directory / "haproxy.cfg", recipe + extra(version_1, hops[0]), version_1))
        bind = {"smtp_bind_address": SUBMISSION}
        submission = stack.enter_context(postfix.submission(dovecot.auth_socket, mail, logins, bind))
        dovecot.add_users({ANN.login: ANN.password})
        yield Balanced(mail, version_1, hops[0], hops[1], submission, sink)


def filled_in(recipe: str, mail: int, logins: int, hops: Sequence[DetectorProcess]) -> str:
    """The recipe with the addresses of this test, and checks so often that a test does not wait for them.

    Without a time of its own an answer has as long as lies between two of them, and on a busy machine takes longer.
    """
    recipe = recipe.replace("192.0.2.1:10025", f"{HOST}:{mail}").replace("192.0.2.1:10031", f"{HOST}:{logins}")
    for number, hop in enumerate(hops, 1):
        for written, here in ((10025, hop.port), (10031, hop.policy_port)):
            recipe = recipe.replace(f"192.0.2.1{number}:{written}", f"{HOST}:{here} port {hop.metrics_port}")
    recipe = recipe.replace("    timeout connect 5s\n", "    timeout connect 5s\n    timeout check 20s\n")
    return recipe.replace("inter 2s", "inter 100ms").replace("log /dev/log local0", "")


def extra(port: int, hop: DetectorProcess) -> str:
    server = f"server hop1 {HOST}:{hop.port} port {hop.metrics_port} no-send-proxy-v2 send-proxy"
    return f"\nlisten version_1\n    bind {HOST}:{port}\n    {server}\n"


@contextmanager
def haproxy(file: Path, configuration: str, port: int) -> Iterator[None]:
    file.write_text(configuration, "utf-8")
    output = file.with_suffix(".out")
    with output.open("wb") as log:
        process = subprocess.Popen(["/usr/sbin/haproxy", "-db", "-f", file], stdout=log, stderr=log)
    try:
        wait_for(lambda: greets_from(SUBMISSION, port), f"HAProxy passes connections on: {output.read_text('utf-8')}")
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE)


def greeting(source: str, port: int) -> bytes:
    """What a client at that address hears first; nothing where the connection just ends."""
    try:
        with socket.create_connection((HOST, port), timeout=PATIENCE, source_address=(source, 0)) as connection:
            return connection.recv(512)
    except ConnectionError:
        return b""


def greets_from(source: str, port: int) -> bool:
    return greeting(source, port).startswith(b"220 ")


def test_haproxy_takes_the_recipe_as_it_is() -> None:
    packages.need("haproxy")
    done = subprocess.run(["/usr/sbin/haproxy", "-c", "-f", RECIPE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_mail_is_judged_by_its_login_and_shows_where_it_came_from(balanced: Balanced) -> None:
    with log_in(balanced.submission, ANN) as client:
        client.sendmail(ANN.login, ["kim@example.org"], letter(ANN.login, "balanced"))
    [message] = balanced.sink.wait_for_messages(1, to="kim@")
    [verdict] = balanced.first.wait_for_events("verdict")
    assert (verdict["account"], verdict["identity_source"]) == (ANN.login, "policy-service")
    assert f"[{SUBMISSION}]".encode() in message.header[: message.header.index(b"by hop.example")]


@pytest.mark.parametrize("version", ["mail", "version_1"])
def test_clients_are_those_behind_the_balancer_in_both_versions(balanced: Balanced, version: str) -> None:
    port: int = getattr(balanced, version)
    assert greets_from(SUBMISSION, port)
    assert greeting("127.0.0.6", port).startswith(b"554 5.7.1 ")


def test_nobody_at_the_address_of_the_balancer_gets_in_without_a_header(balanced: Balanced) -> None:
    with socket.create_connection((HOST, balanced.first.port), timeout=PATIENCE) as connection:
        connection.sendall(b"EHLO pc.example\r\n")
        assert connection.recv(512) == b""
    refused = 'detector_connections_refused_total{reason="proxy_header"}'
    wait_for(lambda: balanced.first.metrics()[refused] == 1, "it is counted")
    assert greeting(SUBMISSION, balanced.first.port).startswith(b"220 ")


def test_the_second_takes_over_when_the_first_is_down(balanced: Balanced) -> None:
    balanced.first.stop()
    with log_in(balanced.submission, ANN) as client:
        client.sendmail(ANN.login, ["lou@example.org"], letter(ANN.login, "taken over"))
    balanced.sink.wait_for_messages(1, to="lou@")
    [verdict] = balanced.second.wait_for_events("verdict")
    assert (verdict["account"], verdict["identity_source"]) == (ANN.login, "policy-service")
