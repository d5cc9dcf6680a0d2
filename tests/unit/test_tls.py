"""What STARTTLS needs, on both sides."""

import ssl
from pathlib import Path

import pytest

from detector.config import ClientTls, ConfigError, ServerTls
from detector.tls import client_context, server_context
from tests.support.certificates import make_certificate


def test_authorities_that_cannot_be_read_are_a_mistake_in_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("")
    for name in ("missing.pem", "empty.pem"):
        with pytest.raises(ConfigError, match=name):
            client_context(ClientTls(mode="verify", ca_file=tmp_path / name))


def test_the_least_protocol_version_is_tls_1_2() -> None:
    for mode in ("may", "require", "verify"):
        context = client_context(ClientTls.model_validate({"mode": mode}))
        assert context is not None
        assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


def test_a_certificate_that_cannot_be_used_is_a_mistake_in_the_configuration(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path, "hop.example")
    broken = ServerTls(mode="may", certificate=certificate.path, key=certificate.path)
    with pytest.raises(ConfigError, match=r"hop\.example\.pem"):
        server_context(broken)


def test_without_tls_there_is_no_context() -> None:
    assert server_context(ServerTls()) is None
    assert client_context(ClientTls(mode="off")) is None
