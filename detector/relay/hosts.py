"""Which addresses are one host, and which may speak to us."""

from collections.abc import Callable
from functools import lru_cache, partial
from ipaddress import IPv4Address, IPv6Address, ip_address

from detector.config import Network

LOOPBACK = "loopback"


def canonical(address: str) -> str:
    """One spelling for one address: short, without zone, IPv4 inside IPv6 as IPv4. Other texts stay as they are.

    >>> canonical("::ffff:192.0.2.7"), canonical("2001:DB8:0::1"), canonical("unknown")
    ('192.0.2.7', '2001:db8::1', 'unknown')
    """
    parsed = _parsed(address)
    return address if parsed is None else str(parsed)


@lru_cache(maxsize=4096)  # the same few with every message
def same_host_key(address: str) -> str:
    """The same for all addresses by which one submission server may reach us.

    Postfix on our own host opens its SMTP session and its policy request independently: one may come from 127.0.0.1,
    the other from ::1. All loopback addresses are this host, so they count as one.

    >>> same_host_key("127.0.0.1") == same_host_key("::1")
    True
    """
    parsed = _parsed(address)
    if parsed is None:
        return address
    return LOOPBACK if parsed.is_loopback else str(parsed)


def allowed(address: str, networks: tuple[Network, ...]) -> bool:
    """Whether the address lies in one of the networks; what is not an address lies in none."""
    parsed = _parsed(address)
    return parsed is not None and any(parsed in network for network in networks)


def lookup(networks: tuple[Network, ...]) -> Callable[[str], bool]:
    """`allowed` for these networks; it remembers its answers, because the same few hosts connect all the time."""
    return lru_cache(maxsize=4096)(partial(allowed, networks=networks))


@lru_cache(maxsize=4096)  # the same few with every message
def _parsed(address: str) -> IPv4Address | IPv6Address | None:
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return None
    return getattr(parsed, "ipv4_mapped", None) or parsed
