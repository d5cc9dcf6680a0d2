"""Kinds of values: times, sizes, networks, addresses, paths, and where a secret stands."""

import re
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Self, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from detector.config.errors import Contradiction, Contradictions

T = TypeVar("T")


class Section(BaseModel):
    """A table of the file. Frozen; a key it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def contradictions(self) -> Iterator[Contradiction]:
        """What does not fit together in this section; asked once every value alone is right."""
        yield from ()

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        found = tuple(self.contradictions())
        if found:
            raise Contradictions(found)
        return self


def _network(value: object) -> object:
    if isinstance(value, IPv4Network | IPv6Network):
        return value
    if not isinstance(value, str):
        msg = "this is not a network; write it as text, for example '192.0.2.0/24' or '2001:db8::1'"
        raise ValueError(msg)  # noqa: TRY004 - pydantic collects ValueError only
    try:
        network = ip_network(value, strict=False)
    except ValueError as error:
        msg = f"'{value}' is not a network, for example 192.0.2.0/24 or 2001:db8::1"
        raise ValueError(msg) from error
    if network.prefixlen == 0:
        msg = f"'{value}' is the whole Internet; name your own servers"
        raise ValueError(msg)
    if "/" in value and str(network.network_address) != value.split("/", 1)[0].lower():
        msg = f"'{value}' is not the beginning of its network; write {network} or leave the prefix length out"
        raise ValueError(msg)
    return network


def _absolute(value: Path) -> Path:
    if not value.is_absolute():
        # A service is started in `/`, a person starts it anywhere: a relative path means two different files.
        msg = f"'{value}' is a relative path; write it from the root, for example /etc/detector/{value.name}"
        raise ValueError(msg)
    return value


def not_empty(value: tuple[T, ...]) -> tuple[T, ...]:
    if not value:
        msg = "at least one is needed"
        raise ValueError(msg)
    return value


def shaped(pattern: str, what: str) -> AfterValidator:
    """A text that matches `pattern` entirely; otherwise the complaint says that it is not `what`."""

    def check(value: str) -> str:
        if re.fullmatch(pattern, value) is None:
            msg = f"'{value}' is not {what}"
            raise ValueError(msg)
        return value

    return AfterValidator(check)


Network = Annotated[IPv4Network | IPv6Network, BeforeValidator(_network)]
Seconds = Annotated[float, Field(gt=0, strict=True, allow_inf_nan=False)]
Bytes = Annotated[int, Field(gt=0, strict=True)]
Count = Annotated[int, Field(gt=0, strict=True)]
Nats = Annotated[float, Field(gt=0, strict=True, allow_inf_nan=False)]
Flag = Annotated[bool, Field(strict=True)]
AbsolutePath = Annotated[Path, AfterValidator(_absolute)]
LOOPBACK = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))


def is_this_host(host: str) -> bool:
    """Whether what we say to that host stays on this one; no host at all means a socket or a file."""
    return re.fullmatch(r"localhost|127\.\d+\.\d+\.\d+|::1|", host) is not None


def overlap(some: Iterable[IPv4Network | IPv6Network], others: Iterable[IPv4Network | IPv6Network]) -> bool:
    """Whether any address stands in both."""
    others = tuple(others)
    return any(one.version == other.version and one.overlaps(other) for one in some for other in others)


class HostPort(Section):
    """A TCP address, written `host:port` or `[ipv6]:port`; port 0 lets the system choose."""

    host: str
    port: Annotated[int, Field(ge=0, le=65535, strict=True)]

    @model_validator(mode="before")
    @classmethod
    def split(cls, value: object) -> object:
        if isinstance(value, HostPort | dict):
            return value
        match = re.fullmatch(
            r"(?:\[([0-9A-Fa-f:.]+)\]|([^:\[\]\s]+)):(\d{1,5})", value if isinstance(value, str) else ""
        )
        if match is None:
            shown = f"'{value}'" if isinstance(value, str) else "this"
            msg = f"{shown} is not an address; write host:port, for example 127.0.0.1:10025 or [::1]:10025"
            raise ValueError(msg)
        return {"host": match.group(1) or match.group(2), "port": int(match.group(3))}

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class SecretSource(Section):
    """Where a secret stands: a file that only we may read, or an environment variable; exactly one of them."""

    file: AbsolutePath | None = None
    environment: Annotated[str, Field(min_length=1)] | None = None

    def contradictions(self) -> Iterator[Contradiction]:
        if (self.file is None) == (self.environment is None):
            yield Contradiction("name exactly one of `file` and `environment`", ((),))
