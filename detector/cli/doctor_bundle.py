"""A support bundle: what a stranger needs to help, with nobody in it."""

import hashlib
import hmac
import io
import json
import os
import re
import secrets
import tarfile
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from detector.cli.doctor_part import Part, Report
from detector.cli.doctor_secrets import secret_files
from detector.cli.doctor_settings import changed, harmless, settings_of
from detector.cli.ends import Impossible
from detector.cli.redaction import WORD, Redactor
from detector.config import Config, HostPort, SecretSource
from detector.host import KEY_BYTES

LOG_LINES = 2000
"""Of the end of a log: some minutes of a busy server, hours of a quiet one."""

LINE_CHARACTERS = 4000
ABOUT = """\
A support bundle of `detector doctor`.

doctor.json         health, versions, models, sizes, clock, findings
configuration.json  what the configuration says other than the defaults; of secrets and names only that they are set
metrics.txt         the page of metrics; empty where no server ran
log.txt             the last lines of a log, where one was named

Accounts, addresses, IP addresses and hosts of the configuration are replaced by short names. The same short name is the
same account in every bundle of this installation; who has not its recipient.key cannot find out which.
"""


def redactor_for(config: Config, accounts: Sequence[str]) -> Redactor:
    """Names by a key that is made of `recipient.key`, which never leaves the host; where there is none, by chance."""
    domains = {account.rpartition("@")[2].lower() for account in accounts if "@" in account}
    people = (*config.operators.admin, *config.operators.operator, *config.operators.viewer)
    words = {one.lower() for one in (*accounts, *(name.lstrip("@") for name in people))}
    hosts, hidden = frozenset(_hosts(config) | domains), frozenset(_secrets(config))
    phrases = frozenset(word for word in words if "@" not in word and not WORD.fullmatch(word))
    return Redactor(_key(config), frozenset(words), hosts, hidden, phrases)


def write_bundle(path: Path, files: Mapping[str, str], now: float) -> int:
    """How many octets it has. Raises `Impossible` where there is a file already, or none can be made."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        for name, text in files.items():
            content = text.encode("utf-8", "backslashreplace")
            entry = tarfile.TarInfo(f"detector-bundle/{name}")
            entry.size, entry.mode, entry.mtime = len(content), 0o600, int(now)
            tar.addfile(entry, io.BytesIO(content))
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except FileExistsError as error:
        msg = f"{path} is there already: name another file"
        raise Impossible(msg) from error
    except OSError as error:
        msg = f"{path} cannot be made: {error.strerror}"
        raise Impossible(msg) from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(archive.getvalue())
    return len(archive.getvalue())


def contents(report: Report, config: Config, metrics: str, redactor: Redactor) -> dict[str, str]:
    """The files of a bundle by name, redacted."""
    kept = [part for part in report.parts if part.name != "configuration"]
    rest = [Part(part.name, {}, part.findings) for part in report.parts if part.name == "configuration"]
    told = msgspec.to_builtins(Report(report.at, report.well, [*kept, *rest]))
    settings = {one.place: redactor.text(harmless(one)) for one in changed(config)}
    return {
        "README.txt": ABOUT,
        "doctor.json": _json(redactor.value(told)),
        "configuration.json": _json(settings),
        "metrics.txt": redactor.text(metrics) + "\n" if metrics else "",
    }


def last_lines(path: Path, redactor: Redactor) -> str:
    """The end of a log, redacted. Raises `Impossible` where it cannot be read."""
    try:
        with path.open("r", encoding="utf-8", errors="replace") as file:
            lines = deque(file, LOG_LINES)
    except OSError as error:
        msg = f"{path} cannot be read: {error.strerror}"
        raise Impossible(msg) from error
    return "".join(f"{redactor.line(line[:LINE_CHARACTERS].rstrip())}\n" for line in lines)


def _json(value: Any) -> str:
    return json.dumps(value, indent=2) + "\n"


def _key(config: Config) -> bytes:
    with suppress(OSError):
        key = (config.state.directory / "recipient.key").read_bytes()
        return hmac.new(key, b"support bundle", hashlib.sha256).digest()
    return secrets.token_bytes(KEY_BYTES)


def _hosts(config: Config) -> set[str]:
    """Names of hosts that the configuration tells, but not of this one's loopback."""
    names = {config.relay.hostname.lower()}
    for setting in settings_of(config):
        for value in setting.value if isinstance(setting.value, tuple) else (setting.value,):
            if isinstance(value, HostPort):
                names.add(value.host.lower())
            elif isinstance(value, str) and "://" in value:
                with suppress(ValueError):
                    names.add((urlsplit(value).hostname or "").lower())
            elif isinstance(value, str) and "@" in value:
                names.add(value.rpartition("@")[2].lower())
    return {name for name in names if re.search("[a-z]", name) and ":" not in name and name != "localhost"}


def _secrets(config: Config) -> Iterator[str]:
    """What must not be found in any text: as it is read, and the octets of our own keys as digits."""
    for _, path in secret_files(config):
        with suppress(OSError):
            content = path.read_bytes()
            yield content.hex()
            with suppress(UnicodeDecodeError):
                yield content.decode("utf-8").strip()
    for setting in settings_of(config):
        if isinstance(setting.value, SecretSource) and setting.value.environment:
            yield os.environ.get(setting.value.environment, "").strip()
