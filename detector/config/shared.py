"""The address of a Valkey or Redis that several processes share."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator

from detector.config.errors import Contradiction
from detector.config.values import AbsolutePath, Seconds, SecretSource, Section, is_this_host

Kind = Literal["single", "cluster", "sentinel", "unix"]
_KINDS: dict[str, Kind] = {"": "single", "cluster": "cluster", "sentinel": "sentinel", "unix": "unix"}
PORTS = {"single": 6379, "cluster": 6379, "sentinel": 26379}
SHAPE = re.compile(
    r"(?P<program>valkey|redis)(?P<tls>s?)(?:\+(?P<kind>cluster|sentinel|unix))?://"
    r"(?:(?P<user>[^@/:]+)(?P<password>:[^@/]*)?@)?(?P<hosts>[^/@]*)(?P<path>/.*)?"
)
HOST = re.compile(r"(?:\[(?P<ipv6>[0-9A-Fa-f:.]+)\]|(?P<name>[^:\[\]\s]+))(?::(?P<port>\d{1,5}))?")
EXAMPLES = (
    "valkeys://host:6379/0, valkeys+cluster://host1:6379,host2:6379, "
    "valkeys+sentinel://host1:26379,host2:26379/name/0 or valkey+unix:///path/of/socket"
)


@dataclass(frozen=True, slots=True)
class Place:
    """What a URL says. `hosts` are several for a Cluster or Sentinels; `service` is the name that Sentinels know."""

    kind: Kind
    tls: bool
    user: str
    hosts: tuple[tuple[str, int], ...] = ()
    service: str = ""
    database: int = 0
    socket: Path = Path()

    @property
    def on_this_host(self) -> bool:
        return all(is_this_host(host) for host, _ in self.hosts)


def place_of(url: str) -> Place:
    """Read a URL. Raises `ValueError` with what to write instead.

    >>> place_of("valkeys://detector@db.example.net/2").hosts, place_of("redis://127.0.0.1/2").database
    ((('db.example.net', 6379),), 2)
    """
    match = SHAPE.fullmatch(url)
    if match is None:
        msg = f"not an address that we know; write {EXAMPLES}"
        raise ValueError(msg)
    if match["password"] is not None:
        msg = "the password must not stand here; write password = { file = ... } or { environment = ... }"
        raise ValueError(msg)
    tls, user, path = match["tls"] == "s", match["user"] or "", match["path"] or ""
    if match["kind"] == "unix":
        if match["hosts"] or len(path) < 2 or tls:
            msg = "a socket has a path and nothing else: valkey+unix:///run/valkey/valkey.sock"
            raise ValueError(msg)
        return Place("unix", False, user, socket=Path(path))
    kind = _KINDS[match["kind"] or ""]
    hosts = tuple(_host(host, PORTS[kind]) for host in match["hosts"].split(","))
    if kind == "single" and len(hosts) > 1:
        msg = f"several hosts are a Cluster or Sentinels; write {EXAMPLES}"
        raise ValueError(msg)
    service, database = _behind(kind, path)
    return Place(kind, tls, user, hosts, service, database)


def _host(text: str, port: int) -> tuple[str, int]:
    match = HOST.fullmatch(text)
    if match is None or int(match["port"] or port) > 65535:
        msg = f"'{text}' is not a host; write host:port, for example 127.0.0.1:6379 or [::1]:6379"
        raise ValueError(msg)
    return match["ipv6"] or match["name"], int(match["port"] or port)


def _behind(kind: str, path: str) -> tuple[str, int]:
    """The service and the number of the database."""
    parts = path.strip("/").split("/") if path.strip("/") else []
    service = parts.pop(0) if kind == "sentinel" and parts else ""
    if kind == "sentinel" and not service:
        msg = "Sentinels are asked for a service by its name: valkey+sentinel://host:26379/name"
        raise ValueError(msg)
    if parts and kind == "cluster":
        msg = "a Cluster has one database only; leave out what stands behind the hosts"
        raise ValueError(msg)
    if len(parts) > 1 or not all(part.isdecimal() for part in parts):
        msg = f"'{path}' is no number of a database; write /0 or nothing"
        raise ValueError(msg)
    return service, int(parts[0]) if parts else 0


def _url(url: str) -> str:
    if url:
        place_of(url)
    return url


class SharedState(Section):
    """Where profiles, campaigns and joins are kept for several processes; an empty URL: each process keeps its own.

    `timeout` bounds what all questions for one verdict may cost together; without an answer local knowledge counts.
    `keep_receipts`: there is one to each message, and no other bound on them than the memory of the server.
    """

    url: Annotated[str, AfterValidator(_url)] = ""
    password: SecretSource | None = None
    ca_file: AbsolutePath | None = None
    timeout: Seconds = 0.2
    keep_receipts: Seconds = 259_200.0  # three days: less than logins, so that a full server drops receipts first

    @property
    def place(self) -> Place | None:
        """None: nothing is shared."""
        return place_of(self.url) if self.url else None

    def contradictions(self) -> Iterator[Contradiction]:
        place = self.place
        if place is None:
            if self.password or self.ca_file:
                yield Contradiction("who is to be asked? `url` is empty", (("url",), ("password",), ("ca_file",)))
        elif not place.tls:
            if not place.on_this_host:
                text = "without TLS only a server on this host is asked; write valkeys:// (or valkeys+cluster://, ...)"
                yield Contradiction(text, (("url",),))
            if self.ca_file:
                text = "only TLS looks at certificates; write valkeys:// (or valkeys+cluster://, ...)"
                yield Contradiction(text, (("url",), ("ca_file",)))
