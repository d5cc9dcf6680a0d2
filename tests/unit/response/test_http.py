import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from detector.config import ConfigError, HttpAction, SecretSource
from detector.ports import Refused, Secret, Temporary
from detector.response.hooks import HttpHook
from detector.response.http import Endpoint, HttpPassword, signature
from tests.support.http_receiver import Receiver
from tests.support.response import NOW

SECRET = "a shared secret"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver(SECRET, lambda: NOW) as receiver:
        receiver.strict = False
        yield receiver


def endpoint(
    port: int, *, scheme: str = "http", ca_file: Path | None = None, secret: str = SECRET, now: float = NOW
) -> Endpoint:
    settings = HttpAction(
        provider="http",
        url=f"{scheme}://localhost:{port}/hook",
        secret=SecretSource(environment="UNUSED"),
        timeout=5.0,
        ca_file=ca_file,
    )
    return Endpoint(settings, Secret(secret), lambda: now)


def test_the_signature_is_as_documented() -> None:
    # printf '1700000000.{}' | openssl dgst -sha256 -hmac 'a shared secret'
    expected = subprocess.run(
        ["openssl", "dgst", "-sha256", "-hmac", SECRET], input=b"1700000000.{}", capture_output=True, check=True
    ).stdout.split()[-1]
    assert signature(Secret(SECRET), "1700000000", b"{}") == "sha256=" + expected.decode()


def test_a_strict_receiver_takes_the_request(receiver: Receiver) -> None:
    HttpPassword(endpoint(receiver.port), lambda: NOW).change_password("ann", Secret("n3w"), "i-1.change_password")
    headers, document = receiver.requests[0]
    assert headers["Idempotency-Key"] == "i-1.change_password"
    assert headers["X-Detector-Timestamp"] == "1700000000"
    assert headers["Content-Type"] == "application/json"
    assert document == {
        "action": "change_password",
        "account": "ann",
        "password": "n3w",
        "request_id": "i-1.change_password",
        "time": 1_700_000_000,
    }


def test_a_hook_is_told_the_event(receiver: Receiver) -> None:
    hook = HttpHook("desk", endpoint(receiver.port))
    assert hook.deliver({"event": "incident.opened"}, "i-1.incident.opened") == "told by HTTP"
    assert receiver.requests[0][1] == {"event": "incident.opened", "request_id": "i-1.incident.opened"}
    assert hook.check() == f"hook desk: endpoint http://localhost:{receiver.port}/hook: answers (204 to OPTIONS)"


@pytest.mark.parametrize(("secret", "now"), [("another secret", NOW), (SECRET, NOW - 301), (SECRET, NOW + 301)])
def test_a_strict_receiver_refuses_what_is_wrong_or_old(receiver: Receiver, secret: str, now: float) -> None:
    with pytest.raises(Refused, match="localhost answered 401"):
        endpoint(receiver.port, secret=secret, now=now).post({}, "r")


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_what_may_pass_is_tried_again(receiver: Receiver, status: int) -> None:
    receiver.statuses = [status]
    with pytest.raises(Temporary, match=f"answered {status}"):
        endpoint(receiver.port).post({}, "r")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422])
def test_what_will_not_pass_is_refused(receiver: Receiver, status: int) -> None:
    receiver.statuses = [status]
    with pytest.raises(Refused, match=f"answered {status}"):
        endpoint(receiver.port).post({}, "r")


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_not_followed(receiver: Receiver, status: int) -> None:
    receiver.statuses = [status]
    receiver.headers = {"Location": f"http://localhost:{receiver.port}/elsewhere"}
    with pytest.raises(Refused, match=f"answered {status}"):
        endpoint(receiver.port).post({}, "r")
    assert receiver.requests == []


def test_a_closed_port_may_open_later() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        with pytest.raises(Temporary, match="localhost cannot be asked: ConnectError"):
            endpoint(reserved.getsockname()[1]).post({}, "r")
        with pytest.raises(ConfigError, match="cannot be asked"):
            endpoint(reserved.getsockname()[1]).check()


def test_the_environment_sets_no_proxy(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    endpoint(receiver.port).post({}, "r")
    assert len(receiver.requests) == 1


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    directory = tmp_path_factory.mktemp("tls")
    certificate, key = directory / "cert.pem", directory / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    return certificate, key


def test_a_certificate_is_checked(certificate: tuple[Path, Path]) -> None:
    with Receiver(SECRET, lambda: NOW, certificate) as receiver:
        receiver.strict = False
        endpoint(receiver.port, scheme="https", ca_file=certificate[0]).post({}, "r")
        with pytest.raises(Temporary, match="certificate verify failed"):
            endpoint(receiver.port, scheme="https").post({}, "r")
        assert len(receiver.requests) == 1


def test_a_file_that_holds_no_certificates_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not a file of certificates"):
        endpoint(1, scheme="https", ca_file=tmp_path / "nothing")
