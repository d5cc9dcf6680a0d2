"""Files that only the service may read, and certificates that end: looked at, never shown."""

import os
import pwd
import stat
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC
from pathlib import Path

from cryptography import x509

from detector.cli.doctor_part import Fact, Part, days_since
from detector.cli.doctor_settings import Setting, settings_of
from detector.cli.finding import Finding, hint, ok, problem
from detector.cli.words import counted
from detector.config import Config, SecretSource

SOON = 14
"""Days before its end from which on we speak of a certificate."""

OWN_KEYS = ("recipient.key", "hold.key", "tag.key")
PRIVATE_KEYS = ("key",)
CERTIFICATES = ("certificate", "ca_file", "client_ca")


def examine_secrets(config: Config) -> Part:
    """Every file that holds a secret: it must be there, and others must not read it."""
    group = _group(config.state.directory)
    findings = [_private(place, path, group) for place, path in secret_files(config)]
    return Part("secrets", {"files": len(findings)}, findings)


def secret_files(config: Config) -> Iterator[tuple[str, Path]]:
    """Where each is named, and the file."""
    for setting in settings_of(config):
        if isinstance(setting.value, SecretSource) and setting.value.file is not None:
            yield setting.place, setting.value.file
        elif isinstance(setting.value, Path) and _word(setting) in PRIVATE_KEYS:
            yield setting.place, setting.value
    for name in OWN_KEYS:
        path = config.state.directory / name
        if path.exists():
            yield name, path


def examine_certificates(config: Config, now: float) -> Part:
    """Of several certificates in a file the first counts, the server's own; of authorities the last to end."""
    facts: dict[str, Fact] = {}
    findings: list[Finding] = []
    for setting in settings_of(config):
        if not isinstance(setting.value, Path) or _word(setting) not in CERTIFICATES:
            continue
        try:
            ends_at = _ends_at(setting.value, _word(setting) != "certificate")
        except (OSError, ValueError) as error:
            findings.append(problem(setting.place, f"{setting.value} cannot be read as a certificate: {error}"))
            continue
        facts[f"{setting.place} ends_at"] = ends_at
        findings += _expiry(setting.place, -days_since(ends_at, now), ends_at < now)
    return Part("certificates", facts, findings)


def _word(setting: Setting) -> str:
    return setting.place.rpartition(".")[2]


def _ends_at(path: Path, authorities: bool) -> float:
    certificates = x509.load_pem_x509_certificates(path.read_bytes())
    ends = [one.not_valid_after_utc.astimezone(UTC).timestamp() for one in certificates]
    return max(ends) if authorities else ends[0]


def _expiry(place: str, days: int, over: bool) -> Iterator[Finding]:
    if over:
        yield problem(place, "this certificate has ended: renew it, then `systemctl reload detector`")
    elif days < SOON:
        yield hint(
            place, f"this certificate ends in {counted(days, 'day')}: renew it, then `systemctl reload detector`"
        )


def _group(directory: Path) -> int | None:
    """That of the service: it may read what belongs to root. None where there is no directory yet."""
    with suppress(OSError):
        return directory.stat().st_gid
    return None


def _private(place: str, path: Path, group: int | None) -> Finding:
    try:
        found = path.stat()
    except OSError as error:
        return problem(place, f"{path} cannot be looked at: {os.strerror(error.errno or 0)}")
    open_to = found.st_mode & (stat.S_IRWXO | stat.S_IWGRP)
    if open_to:
        return problem(
            place, f"{path} is open to others (mode {found.st_mode & 0o777:o}): chmod 600, then change the secret"
        )
    if found.st_mode & stat.S_IRGRP and found.st_gid != group:
        return hint(
            place, f"{path} can be read by its group (mode {found.st_mode & 0o777:o}): chmod 600 if nobody needs it"
        )
    return ok(place, f"mode {found.st_mode & 0o777:o}, of {_name(found.st_uid)}")


def _name(number: int) -> str:
    with suppress(KeyError):
        return pwd.getpwuid(number).pw_name
    return str(number)
