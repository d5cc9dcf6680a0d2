"""Secrets that others could read, and certificates that end."""

import os
from pathlib import Path

import pytest

from detector.cli.doctor_secrets import examine_certificates, examine_secrets, secret_files
from detector.cli.finding import Level
from detector.cli.words import DAY
from detector.config import Config, parse
from tests.support.certificates import make_certificate


def with_hook(directory: Path, mode: int) -> Config:
    key = directory / "hook.key"
    key.write_text("very secret", "ascii")
    key.chmod(mode)
    return parse(
        f'state.directory = "{directory}"\n[response.password]\nprovider = "http"\nurl = "https://panel.example.net/"\n'
        f'secret = {{ file = "{key}" }}'
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives a file to another group")
@pytest.mark.parametrize(
    ("mode", "level"),
    [(0o600, Level.OK), (0o400, Level.OK), (0o640, Level.HINT), (0o660, Level.PROBLEM), (0o604, Level.PROBLEM)],
)
def test_a_secret_that_others_may_read_is_told(tmp_path: Path, mode: int, level: Level) -> None:
    config = with_hook(tmp_path, mode)
    os.chown(tmp_path / "hook.key", -1, 12345)
    part = examine_secrets(config)
    assert [(one.about, one.level) for one in part.findings] == [("response.password.secret", level)]
    assert "very secret" not in str(part)


def test_the_group_of_the_service_may_read(tmp_path: Path) -> None:
    (finding,) = examine_secrets(with_hook(tmp_path, 0o640)).findings
    assert finding.level is Level.OK


def test_a_secret_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    config = with_hook(tmp_path, 0o600)
    (tmp_path / "hook.key").unlink()
    (finding,) = examine_secrets(config).findings
    assert finding.level is Level.PROBLEM
    assert "No such file" in finding.text


def test_our_own_keys_and_private_keys_are_looked_at(tmp_path: Path) -> None:
    pair = make_certificate(tmp_path, "hop.example")
    for name in ("recipient.key", "hold.key", "tag.key"):
        (tmp_path / name).write_bytes(b"x" * 32)
    config = parse(
        f'state.directory = "{tmp_path}"\nhold.keys = [{{ environment = "HOLD_KEY" }}]\n'
        f'[relay.tls]\nmode = "may"\ncertificate = "{pair.path}"\nkey = "{pair.key_path}"'
    )
    assert [place for place, _ in secret_files(config)] == ["relay.tls.key", "recipient.key", "hold.key", "tag.key"]


@pytest.mark.parametrize(("after", "levels"), [(-20 * DAY, []), (0.0, [Level.HINT]), (3 * DAY, [Level.PROBLEM])])
def test_the_end_of_a_certificate_is_told_in_time(tmp_path: Path, after: float, levels: list[Level]) -> None:
    pair = make_certificate(tmp_path, "hop.example")  # valid for a day
    config = parse(f'[relay.tls]\nmode = "may"\ncertificate = "{pair.path}"\nkey = "{pair.key_path}"')
    ends_at = examine_certificates(config, 0.0).facts["relay.tls.certificate ends_at"]
    assert isinstance(ends_at, float)
    assert [one.level for one in examine_certificates(config, ends_at - DAY + after).findings] == levels


def test_of_authorities_the_last_to_end_counts(tmp_path: Path) -> None:
    pair = make_certificate(tmp_path, "ca.example")
    (tmp_path / "both.pem").write_bytes(pair.path.read_bytes() * 2)
    config = parse(f'[next_hop.tls]\nmode = "verify"\nca_file = "{tmp_path}/both.pem"')
    assert "next_hop.tls.ca_file ends_at" in examine_certificates(config, 0.0).facts


def test_what_is_no_certificate_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "no.pem").write_text("no certificate", "ascii")
    config = parse(f'[next_hop.tls]\nmode = "verify"\nca_file = "{tmp_path}/no.pem"')
    assert [one.level for one in examine_certificates(config, 0.0).findings] == [Level.PROBLEM]
