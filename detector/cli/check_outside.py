"""What the configuration names elsewhere: next hops, the records' database, and what the response acts with."""

import asyncio
import ssl
from collections.abc import Iterator, Sequence
from typing import Protocol

from sqlalchemy import create_engine, inspect, text
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError

from detector.cli.finding import Finding, hint, ok, problem
from detector.cli.office import sqlite_file
from detector.config import Config, ConfigError, HostPort
from detector.ports import Clock
from detector.records.schema import HEAD
from detector.relay.dial import connect
from detector.relay.next_hop import Capabilities, NextHopError
from detector.response.providers import Providers, build_usable
from detector.tls import client_context

WANTED = {
    "PIPELINING": "each message will need more round trips",
    "8BITMIME": "submission servers must convert 8-bit mail",
    "DSN": "senders cannot ask for delivery reports",
    "SIZE": "too large messages are refused only at their end",
}


class Checked(Protocol):
    """Every port of the response has this."""

    def check(self) -> str: ...


def check_next_hops(config: Config) -> Iterator[Finding]:
    for server in config.next_hop.servers:
        yield from asyncio.run(_next_hop(config, server))


async def _next_hop(config: Config, server: HostPort) -> list[Finding]:
    about, mode = f"next_hop {server}", config.next_hop.tls.mode
    try:
        context = client_context(config.next_hop.tls)
        in_clear = await _capabilities(config, server, None)
        finally_ = in_clear if context is None else await _capabilities(config, server, context)
    except (NextHopError, ConfigError) as error:
        text = str(error).removeprefix(f"{server}: ")
        return [problem(about, f"{text}; is the server up, and does it let this host in?")]
    # Under TLS a server does not offer STARTTLS again (RFC 3207 section 4.2).
    encrypted = context is not None and in_clear.offers("STARTTLS") and not finally_.offers("STARTTLS")
    offered = ", ".join(sorted(finally_.keywords)) or "nothing"
    found = [ok(about, f"answers{' under TLS' if encrypted else ''}, offers {offered}")]
    if not encrypted:
        found += _in_clear(about, mode, in_clear)
    found += [
        hint(about, f"does not offer {name}: {what}") for name, what in WANTED.items() if not finally_.offers(name)
    ]
    return found


def _in_clear(about: str, mode: str, offered: Capabilities) -> list[Finding]:
    if mode == "off" and offered.offers("STARTTLS"):
        return [hint(about, "offers STARTTLS, and next_hop.tls.mode = 'off' does not use it")]
    if mode == "may" and offered.offers("STARTTLS"):
        return [hint(about, "offers STARTTLS and it fails: mail goes out in clear")]
    if mode == "may" and not about.startswith(("next_hop 127.", "next_hop [::1]", "next_hop localhost")):
        return [hint(about, "does not offer STARTTLS: mail goes out in clear")]
    return []


async def _capabilities(config: Config, server: HostPort, context: ssl.SSLContext | None) -> Capabilities:
    connection = await connect(server, config.relay.hostname, config.next_hop, context)
    try:
        return connection.capabilities
    finally:
        connection.close()


def check_records(config: Config) -> Iterator[Finding]:
    """Looks and changes nothing: a newer schema is made by the server when it starts."""
    about, file = "records.url", sqlite_file(config)
    if file is not None and not file.exists():
        yield ok(about, f"{file} is made at the first start")
        return
    try:
        engine = create_engine(config.records_url)
        try:
            yield _schema(about, engine)
        finally:
            engine.dispose()
    except (SQLAlchemyError, ImportError) as error:
        # `orig` has no statement and no parameters.
        reason = getattr(error, "orig", None) or error
        yield problem(about, f"the database cannot be used: {reason}")


def _schema(about: str, engine: Engine) -> Finding:
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return ok(about, f"{engine.dialect.name}: empty, its tables are made at the first start")
        version = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if version == HEAD:
        return ok(about, f"{engine.dialect.name}: schema {version}, as this program needs it")
    if str(version) < HEAD:
        return hint(about, f"schema {version} becomes {HEAD} at the next start: take a backup before")
    return problem(about, f"schema {version} is of a newer program than this one ({HEAD}): upgrade the program")


def check_response(config: Config, clock: Clock) -> Iterator[Finding]:
    response = config.response
    providers, problems = build_usable(response, config.next_hop, config.relay.hostname, clock, config.state.directory)
    yield from (problem("response", line) for line in problems)
    missing = {
        "response.password": (response.password, "no password will be changed, operators must do it"),
        "response.sessions": (response.sessions, "a thief who is logged in stays so until the session ends"),
        "response.app_passwords": (response.app_passwords, "passwords made for single programs outlive the new one"),
        "response.queue": (response.queue, "what the account has in the queues of mail servers goes out"),
        "response.notice": (response.notice, "customers will not be told"),
        "response.hooks": (response.hooks, "no operator will be told"),
    }
    yield from (hint(about, f"not named: {what}") for about, (part, what) in missing.items() if not part)
    for about, part in _parts(providers):
        try:
            yield ok(about, part.check())
        except ConfigError as error:
            yield from (problem(about, line) for line in str(error).splitlines())


def _parts(providers: Providers) -> Sequence[tuple[str, Checked]]:
    notices = providers.notices
    named: list[tuple[str, Checked | None]] = [
        ("response.password", providers.password),
        ("response.app_passwords", providers.app_passwords),
        ("response.sessions", providers.sessions),
        ("response.queue", providers.queue),
        ("response.directory", providers.directory),
        *[("response.notice", part) for part in (notices.parts if notices else ())],
        *[("response.hooks", target.hook) for target in providers.hooks],
    ]
    return [(about, part) for about, part in named if part is not None]
