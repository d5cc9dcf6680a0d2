"""What is done about an incident: passwords, sessions, the customer, the operators."""

import re
from collections.abc import Iterator
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from detector.config.errors import Contradiction
from detector.config.values import AbsolutePath, Count, Seconds, SecretSource, Section, shaped


class PasswdFileProvider(Section):
    """A Dovecot passwd-file, replaced atomically."""

    provider: Literal["passwd-file"]
    path: AbsolutePath
    scheme: Literal["BLF-CRYPT", "SHA512-CRYPT", "SHA256-CRYPT"] = "BLF-CRYPT"


def _names_a_program(argv: tuple[str, ...]) -> tuple[str, ...]:
    if not argv or not argv[0].strip():
        msg = "the first word must name a program"
        raise ValueError(msg)
    if len(argv) == 1 and len(argv[0].split()) > 1:
        msg = f"no shell splits '{argv[0]}' into words; write one text for each word: {argv[0].split()}"
        raise ValueError(msg)
    return argv


Argv = Annotated[tuple[str, ...], AfterValidator(_names_a_program)]


class CommandAction(Section):
    """A program: argv as written, JSON on standard input, no shell. Exit 0: done, 75: try again, other: refused."""

    provider: Literal["command"]
    argv: Argv
    timeout: Seconds = 30.0


def _encrypted_and_without_secret(url: str) -> str:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError as error:
        msg = f"not a URL: {error}"
        raise ValueError(msg) from error
    if parts.scheme not in {"http", "https"} or not host:
        msg = f"'{url}' is not a URL; write https://host/path"
        raise ValueError(msg)
    if "@" in parts.netloc:
        msg = "a URL must not carry a user or a password; the request is signed with `secret`"
        raise ValueError(msg)
    if parts.scheme == "http" and not re.fullmatch(r"localhost|127\.\d+\.\d+\.\d+|::1", host):
        msg = "plain http is allowed to this host only; use https"
        raise ValueError(msg)
    return url


class HttpAction(Section):
    """An HTTP endpoint: POST of JSON, signed with HMAC-SHA256 over time stamp and body, with an idempotency key."""

    provider: Literal["http"]
    url: Annotated[str, AfterValidator(_encrypted_and_without_secret)]
    secret: SecretSource
    timeout: Seconds = 10.0
    ca_file: AbsolutePath | None = None


class DovecotSessions(Section):
    """`doveadm auth cache flush`, then `doveadm kick`."""

    provider: Literal["dovecot"]
    doveadm: Argv = ("doveadm",)
    timeout: Seconds = 30.0


class CsvDirectory(Section):
    """A CSV file with a header line: account,address and optionally name."""

    provider: Literal["csv"]
    path: AbsolutePath


class NoticeSettings(Section):
    """The e-mail to the customer, sent through the next hop with a null reverse-path."""

    sender: Annotated[str, shaped(r"[^@\s<>]+@[^@\s<>]+", "an address, for example abuse@example.net")]
    sender_name: str = "Abuse desk"
    template: AbsolutePath | None = None
    contact: str = ""


class HookSettings(Section):
    """A target that is told about events. `redaction`: what leaves the host."""

    name: Annotated[
        str, shaped(r"[a-z0-9][a-z0-9_-]{0,31}", "a name of a-z, 0-9, _ and - (up to 32), for example ticket-system")
    ]
    action: Annotated[CommandAction | HttpAction, Field(discriminator="provider")]
    redaction: Literal["none", "account", "account-and-evidence"] = "account-and-evidence"


class Retry(Section):
    """How often and how fast a failing step is tried again: the wait doubles each time."""

    attempts: Count = 10
    first_wait: Seconds = 2.0


class Response(Section):
    """What is done about an incident. A part that is not named is not done, and the timeline says so."""

    password: Annotated[PasswdFileProvider | CommandAction | HttpAction, Field(discriminator="provider")] | None = None
    sessions: Annotated[DovecotSessions | CommandAction, Field(discriminator="provider")] | None = None
    app_passwords: None = None
    queue: None = None
    directory: Annotated[CsvDirectory | CommandAction, Field(discriminator="provider")] | None = None
    notice: NoticeSettings | None = None
    hooks: tuple[HookSettings, ...] = ()
    password_changes_per_hour: Count = 20
    retry: Retry = Retry()

    def contradictions(self) -> Iterator[Contradiction]:
        if self.notice is not None and self.directory is None:
            yield Contradiction(
                "`notice` needs a `directory`: who is to be told, and where?", (("notice",), ("directory",))
            )
        names = [hook.name for hook in self.hooks]
        for name in sorted({name for name in names if names.count(name) > 1}):
            yield Contradiction(f"{names.count(name)} hooks have the name '{name}'", (("hooks",),))
