"""What STARTTLS needs, on both sides."""

import re
import ssl
from contextlib import nullcontext, suppress
from pathlib import Path

import pytest

from detector.config import ClientTls, ConfigError, ServerTls
from detector.tls import client_context, relay_context, server_context
from tests.support.certificates import Certificate, make_certificate


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


# Name, and what a client that knows nothing better says it can do.
WEAK: dict[str, tuple[str, ssl.TLSVersion]] = {
    "TLS 1.0": ("ALL:@SECLEVEL=0", ssl.TLSVersion.TLSv1),
    "TLS 1.1": ("ALL:@SECLEVEL=0", ssl.TLSVersion.TLSv1_1),
    "nobody is authenticated": ("aNULL:@SECLEVEL=0", ssl.TLSVersion.TLSv1_2),
    "nothing is encrypted": ("eNULL:@SECLEVEL=0", ssl.TLSVersion.TLSv1_2),
    "SHA-1": ("AES128-SHA:AES256-SHA:ECDHE-ECDSA-AES256-SHA:@SECLEVEL=0", ssl.TLSVersion.TLSv1_2),
    "no forward secrecy": ("kRSA:@SECLEVEL=0", ssl.TLSVersion.TLSv1_2),
    "short keys and old ciphers": ("LOW:MEDIUM:3DES:RC4:@SECLEVEL=0", ssl.TLSVersion.TLSv1_2),
}


@pytest.fixture
def relay(tmp_path: Path) -> tuple[ServerTls, Certificate]:
    certificate = make_certificate(tmp_path, "hop.example")
    return ServerTls(mode="require", certificate=certificate.path, key=certificate.key_path), certificate


def shaken_hands(server: ssl.SSLContext, client: ssl.SSLContext) -> ssl.SSLObject:
    """A handshake in memory. Raises `ssl.SSLError`."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        server.wrap_bio(to_server, to_client, server_side=True),
        client.wrap_bio(to_client, to_server, server_hostname="hop.example"),
    ]
    for _ in range(4):
        for end in ends:
            with suppress(ssl.SSLWantReadError):
                end.do_handshake()
    assert ends[0].cipher() is not None
    return ends[0]


def context_of(tls: ServerTls) -> ssl.SSLContext:
    context = relay_context(tls)
    assert context is not None
    return context


@pytest.mark.parametrize(("ciphers", "version"), WEAK.values(), ids=WEAK)
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1:DeprecationWarning")
def test_a_client_that_knows_only_weak_ways_is_refused(
    relay: tuple[ServerTls, Certificate], ciphers: str, version: ssl.TLSVersion
) -> None:
    client = ssl.create_default_context(cafile=relay[1].path)
    client.minimum_version = client.maximum_version = version
    with pytest.raises(ssl.SSLError):  # noqa: PT012 - our own OpenSSL may not even know them
        client.set_ciphers(ciphers)
        shaken_hands(context_of(relay[0]), client)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_what_is_agreed_on_keeps_a_secret_when_the_key_is_lost(
    relay: tuple[ServerTls, Certificate], version: ssl.TLSVersion
) -> None:
    client = ssl.create_default_context(cafile=relay[1].path)
    client.maximum_version = version
    cipher = shaken_hands(context_of(relay[0]), client).cipher()
    assert cipher is not None
    assert cipher[0].startswith(("TLS_AES", "TLS_CHACHA20", "ECDHE-ECDSA-AES", "ECDHE-ECDSA-CHACHA20"))
    assert not {
        one["name"] for one in context_of(relay[0]).get_ciphers() if not re.match("TLS_|(EC)?DHE-", one["name"])
    }


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_with_client_ca_only_a_certificate_of_it_is_good_enough(
    relay: tuple[ServerTls, Certificate], tmp_path: Path, version: ssl.TLSVersion
) -> None:
    ours, strangers = make_certificate(tmp_path, "submission.example"), make_certificate(tmp_path, "stranger.example")
    server = context_of(relay[0].model_copy(update={"client_ca": ours.path}))
    for certificate, good in ((ours, True), (strangers, False), (None, False)):
        client = ssl.create_default_context(cafile=relay[1].path)
        client.maximum_version = version
        if certificate is not None:
            client.load_cert_chain(certificate.path, certificate.key_path)
        with nullcontext() if good else pytest.raises(ssl.SSLError):
            shaken_hands(server, client)


def test_an_authority_of_clients_that_cannot_be_read_is_a_mistake_in_the_configuration(
    relay: tuple[ServerTls, Certificate], tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=r"relay\.tls\.client_ca: .*missing\.pem"):
        relay_context(relay[0].model_copy(update={"client_ca": tmp_path / "missing.pem"}))


def test_servers_that_bring_reports_need_no_certificate(relay: tuple[ServerTls, Certificate], tmp_path: Path) -> None:
    ours = make_certificate(tmp_path, "submission.example")
    server = server_context(relay[0].model_copy(update={"client_ca": ours.path}))
    assert server is not None
    assert server.verify_mode is ssl.CERT_NONE
