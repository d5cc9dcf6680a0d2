"""What many parts of the response can be: a program, or an endpoint of the operator."""

import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator

from detector.config.values import AbsolutePath, Seconds, SecretSource, Section


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
        msg = "a URL must not carry a user or a password; secrets stand in files or in the environment"
        raise ValueError(msg)
    if parts.scheme == "http" and not re.fullmatch(r"localhost|127\.\d+\.\d+\.\d+|::1", host):
        msg = "plain http is allowed to this host only; use https"
        raise ValueError(msg)
    return url


Url = Annotated[str, AfterValidator(_encrypted_and_without_secret)]


class HttpAction(Section):
    """An HTTP endpoint: POST of JSON, signed with HMAC-SHA256 over time stamp and body, with an idempotency key."""

    provider: Literal["http"]
    url: Url
    secret: SecretSource
    timeout: Seconds = 10.0
    ca_file: AbsolutePath | None = None
