"""Whether the logs of mail servers can be followed, and whether they are what the configuration takes them for."""

import asyncio
import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from detector.cli.finding import Finding, hint, ok, problem
from detector.cli.words import counted
from detector.config import Config, ConfigError, FileLog, JournalLog, Logs, SyslogLog
from detector.config.values import is_this_host
from detector.feedback.build import READERS, listening
from detector.feedback.syslog_server import SyslogSource

LOOKED_AT_BYTES = 262_144
PATIENCE = 10.0
"""Seconds for journalctl."""


def check_logs(config: Config) -> Iterator[Finding]:
    """Reads and listens for a moment, and changes nothing."""
    if not config.feedback.logs:
        yield hint("feedback.logs", "none: what becomes of mail behind the next hop is known from bounces only")
    for settings in config.feedback.logs:
        about = f"feedback.logs {settings.name}"
        yield from (_found(about, text) for text in _looked_at(settings))


def _found(about: str, found: Finding | str) -> Finding:
    return ok(about, found) if isinstance(found, str) else Finding(found.level, about, found.text)


def _looked_at(settings: Logs) -> Iterator[Finding | str]:
    if isinstance(settings, FileLog):
        yield _file(settings.path, settings.mta)
    elif isinstance(settings, JournalLog):
        yield _journal(settings.journalctl)
    else:
        yield _syslog(settings)
        if settings.transport == "udp" and not is_this_host(settings.listen.host):
            yield hint("", "UDP from other hosts can be forged and lost: better transport = 'tls' with client_ca")


def _file(path: Path, mta: str) -> Finding | str:
    try:
        with path.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - LOOKED_AT_BYTES))
            lines = file.read(LOOKED_AT_BYTES).splitlines()
    except FileNotFoundError:
        return hint("", "is not there yet; it is read as soon as it comes")
    except OSError as error:
        text = f"cannot be read: {error.strerror}; give it to a group that this user is in (Debian's logs: adm)"
        return problem("", text)
    if not os.access(path.parent, os.R_OK | os.X_OK):
        return problem("", f"{path.parent} cannot be listed: what rotation leaves there would not be found")
    told = sum(READERS[mta](line) is not None for line in lines)
    if lines and not told:
        return hint(
            "", f"none of its last {counted(len(lines), 'line')} is of a message of {mta}: is it the right log?"
        )
    return f"can be read, {told} of its last {counted(len(lines), 'line')} are of messages of {mta}"


def _journal(command: tuple[str, ...]) -> Finding | str:
    try:
        done = subprocess.run(
            [*command, "--lines=1", "--output=json", "--merge", "SYSLOG_FACILITY=2"],
            capture_output=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        return problem("", f"cannot be asked: {getattr(error, 'strerror', None) or error}")
    said = done.stderr.decode("utf-8", "replace").strip().replace("\n", " ")
    if done.returncode:
        return problem("", f"ended with status {done.returncode}: {said}")
    if not done.stdout:
        return hint(
            "", f"has no entry of the mail system that this user may see (group systemd-journal). {said}".strip()
        )
    return "answers with an entry of the mail system"


def _syslog(settings: SyslogLog) -> Finding | str:
    try:
        asyncio.run(_listen(SyslogSource(listening(settings))))
    except ConfigError as error:
        return problem("", str(error).removeprefix("feedback.logs: "))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return hint("", "is in use: by our running server, or by another program?")
        return problem("", f"cannot be listened on: {error.strerror or error}")
    return "can be listened on"


async def _listen(source: SyslogSource) -> None:
    await source.start()
    await source.close()
