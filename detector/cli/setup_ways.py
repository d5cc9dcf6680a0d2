"""The three ways to put the hop beside a Postfix: what each changes, what stands against it, how it is undone."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from detector.cli.setup_host import PostfixHost
from detector.config import Config, HostPort
from detector.config.relay import NextHop
from detector.config.values import is_this_host

Way = Literal["relayhost", "content-filter", "before-queue"]
WAYS: tuple[Way, ...] = ("relayhost", "content-filter", "before-queue")
"""In the order in which we would take them: each needs more of this Postfix than the one before."""

LOGIN = "login_to_hop"
TRANSPORT = "to-hop/unix"
OWN = "hop_"  # begins the names in main.cf that we make for values with blanks
MANDATORY_TLS = {"encrypt", "dane-only", "fingerprint", "verify", "secure"}
LOOPBACK = "127.0.0.0/8"
ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}
BACK_FROM_HOP = {
    "smtpd_proxy_filter": "",
    "mynetworks": LOOPBACK,
    "smtpd_authorized_xforward_hosts": LOOPBACK,
    "smtpd_client_restrictions": "",
    "smtpd_helo_restrictions": "",
    "smtpd_sender_restrictions": "",
    "smtpd_relay_restrictions": "permit_mynetworks,reject",
    "smtpd_recipient_restrictions": "permit_mynetworks,reject",
    "smtpd_data_restrictions": "",
    "smtpd_end_of_data_restrictions": "",
    "smtpd_sasl_auth_enable": "no",
    "smtpd_tls_security_level": "none",
    "smtpd_client_connection_count_limit": "0",
    "smtpd_client_connection_rate_limit": "0",
}
"""The service that takes mail back from the hop (FILTER_README): all was asked before, and nobody else may come in."""

DONE_BEFORE: dict[Way, str] = {
    "content-filter": "no_unknown_recipient_checks,no_header_body_checks,no_milters",
    "before-queue": "no_unknown_recipient_checks",  # SMTPD_PROXY_README: milters have not seen it yet
}


@dataclass(frozen=True, slots=True)
class Setting:
    """A line of main.cf, or with a `service` an -o of master.cf."""

    name: str
    value: str
    service: str = ""


@dataclass(frozen=True, slots=True)
class Service:
    """A line of master.cf: "name/type", and all its fields."""

    name: str
    line: str


Change = Setting | Service


def changes(way: Way, host: PostfixHost, config: Config) -> tuple[Change, ...]:
    """All that the way sets, what sends mail to the hop last."""
    hop = hop_address(config)
    policy = f"check_policy_service {{ inet:{_reached(config.policy_service.listen[0])}, default_action=DUNNO }}"
    login = Setting(LOGIN, policy)
    if way == "relayhost":
        return (login, *_asked_at_end(host, host.login_services), *_relayhost(host, hop))
    filters, back = host.submission_services, tuple(_back_from_hop(way, host, back_address(config)))
    if way == "content-filter":
        asked = _asked_at_end(host, filters)
        chosen = [Setting("content_filter", f"to-hop:{_bracketed(hop)}", name) for name in filters]
        return (login, Setting("enable_long_queue_ids", "yes"), *back, *_transport(), *asked, *chosen)
    asked = _asked_at_rcpt(host, filters)
    return (login, *back, *asked, *(Setting("smtpd_proxy_filter", str(hop), name) for name in filters))


def hop_address(config: Config) -> HostPort:
    """Where Postfix reaches the hop."""
    return _reached(config.relay.listen[0])


def back_address(config: Config) -> HostPort:
    """Where this Postfix takes mail back from the hop: the next hop, if it is on this host."""
    first = config.next_hop.servers[0]
    return first if is_this_host(first.host) else NextHop().servers[0]


def missing(host: PostfixHost, wanted: Sequence[Change]) -> tuple[Change, ...]:
    """Those of them that are not so already."""
    return tuple(change for change in wanted if not _is_set(host, change))


def obstacles(way: Way, host: PostfixHost, config: Config) -> Iterator[str]:
    """Why this way is not for this Postfix; each in a sentence."""
    if taken := host.listens_on(hop_address(config).port):
        yield f"{taken} of master.cf has the port of the hop: give [relay] another one to listen on"
    if not host.login_services:
        yield "nobody logs in at this Postfix (smtpd_sasl_auth_enable): the hop could not learn whose mail it is"
    if way == "relayhost":
        yield from _against_relayhost(host, config)
        return
    back = host.listens_on(back_address(config).port)
    if back and host.value("smtpd_authorized_xforward_hosts", back) != LOOPBACK:
        yield f"{back} of master.cf has the port on which mail would come back: name another one in [next_hop]"
    name = "content_filter" if way == "content-filter" else "smtpd_proxy_filter"
    for service in host.submission_services:
        used = host.value(name, service)
        if used and not used.endswith(f":{hop_address(config).port}"):
            yield f"{service} has {name} = {used} already, and one service can have one only"


def past_the_hop(way: Way, host: PostfixHost, config: Config) -> list[list[str]]:
    """The words for postconf(1) that lead mail past the hop once the way is there; all else may stay."""
    if way == "relayhost":
        return [["-e", f"relayhost = {_bracketed(config.next_hop.servers[0])}"]]
    name = "content_filter" if way == "content-filter" else "smtpd_proxy_filter"
    return [["-PX", f"{service}/{name}"] for service in host.submission_services]


def to_do(change: Change) -> list[str]:
    """The words for postconf(1) that make it so."""
    if isinstance(change, Service):
        return ["-M", f"{change.name}={change.line}"]
    if change.service:
        return ["-P", f"{change.service}/{change.name}={change.value}"]
    return ["-e", f"{change.name} = {change.value}"]


def to_undo(change: Change, host: PostfixHost) -> list[str]:
    """The words for postconf(1) that bring back what was."""
    if isinstance(change, Service):
        return ["-MX", change.name]
    if change.service:
        before = host.options.get((change.service, change.name))
        place = f"{change.service}/{change.name}"
        return ["-PX", place] if before is None else ["-P", f"{place}={before}"]
    if change.name in host.main:
        return ["-e", f"{change.name} = {host.main[change.name]}"]
    return ["-X", change.name]


def by_hand(change: Change, host: PostfixHost) -> str:
    """The option of master.cf that is put back by an editor, because `postconf -P` takes no blanks; mostly none."""
    if isinstance(change, Service):
        return ""
    before = host.options.get((change.service, change.name), "")
    return f"{change.service}: -o {{ {change.name} = {before} }}" if re.search(r"\s", before) else ""


def _is_set(host: PostfixHost, change: Change) -> bool:
    if isinstance(change, Service):
        return host.services.get(change.name) == change.line
    found = host.options.get((change.service, change.name)) if change.service else host.main.get(change.name)
    return found == change.value


def _relayhost(host: PostfixHost, hop: HostPort) -> Iterator[Setting]:
    yield Setting("smtp_send_xforward_command", "yes")
    yield Setting("enable_long_queue_ids", "yes")
    if host.value("smtp_tls_security_level") in MANDATORY_TLS:
        # On the way to another host TLS stays mandatory; on this host there is nobody to hide from.
        before = host.value("smtp_tls_policy_maps")
        ours = f"inline:{{ {_bracketed(hop)}=none }}"
        yield Setting("smtp_tls_policy_maps", before if ours in before else ", ".join(filter(None, (ours, before))))
    yield Setting("relayhost", _bracketed(hop))


def _asked_at_end(host: PostfixHost, services: Sequence[str]) -> Iterator[Setting]:
    for service in services:
        before = host.value("smtpd_end_of_data_restrictions", service)
        yield from _option(service, "smtpd_end_of_data_restrictions", _first(before, ""))


def _asked_at_rcpt(host: PostfixHost, services: Sequence[str]) -> Iterator[Setting]:
    """Before the queue there is no queue id: the hop must know the login before it hears of recipients."""
    for service in services:
        before = host.value("smtpd_recipient_restrictions", service)
        yield from _option(service, "smtpd_recipient_restrictions", _first(before, "permit_sasl_authenticated,reject"))


def _first(before: str, default: str) -> str:
    """Ours before all others, of which one may end the questions."""
    if f"${LOGIN}" in before or before.startswith(f"${OWN}"):
        return before
    return ",".join(filter(None, (f"${LOGIN}", before or default)))


def _option(service: str, name: str, value: str) -> Iterator[Setting]:
    """`postconf -P` takes no blanks: a value that has some becomes a name in main.cf."""
    if re.search(r"\s", value):
        own = f"{OWN}{re.sub(r'[^a-z0-9]+', '_', service.partition('/')[0].lower())}_{name}"
        yield Setting(own, value)
        value = f"${own}"
    yield Setting(name, value, service)


def _transport() -> Iterator[Change]:
    yield Service(TRANSPORT, "to-hop unix - - n - 20 smtp")
    for name, value in (
        ("smtp_send_xforward_command", "yes"), ("disable_mime_output_conversion", "yes"),
        ("smtp_tls_security_level", "none"), ("smtp_sasl_auth_enable", "no"), ("smtp_generic_maps", ""),
    ):  # fmt: skip
        yield Setting(name, value, TRANSPORT)


def _back_from_hop(way: Way, host: PostfixHost, address: HostPort) -> Iterator[Change]:
    name = f"{address}/inet"
    yield Service(name, f"{address} inet n - n - 20 smtpd")
    yield Setting("receive_override_options", DONE_BEFORE[way], name)
    if way == "content-filter":
        yield Setting("content_filter", "", name)  # or mail would run in a circle
    else:
        # Only here mail is queued and milters see it: what customers' mail passed so far, it passes from here.
        for kept in ("content_filter", "smtpd_milters", "milter_macro_daemon_name"):
            own = {host.options.get((service, kept), "") for service in host.submission_services}
            yield from (value for text in sorted(own - {""})[:1] for value in _option(name, kept, text))
    for setting, value in BACK_FROM_HOP.items():
        yield Setting(setting, value, name)


def _against_relayhost(host: PostfixHost, config: Config) -> Iterator[str]:
    relayhost = host.meant("relayhost")
    if not relayhost:
        yield "this Postfix sends to the Internet by itself (no relayhost): the hop would need another outbound server"
    elif relayhost != _bracketed(hop_address(config)) and host.meant("smtp_sasl_auth_enable") == "yes":
        yield f"this Postfix logs in at {relayhost} (smtp_sasl_auth_enable), which the hop does not do"
    for used in sorted({host.value("content_filter", service) for service in host.login_services} - {""}):
        yield f"mail comes back from content_filter = {used} with another queue id, of which no login is known"
    for name in ("transport_maps", "sender_dependent_relayhost_maps", "sender_dependent_default_transport_maps"):
        if host.value(name):
            yield f"{name} = {host.value(name)}: mail that it sends elsewhere would pass the hop by"
    if ":" in (transport := host.meant("default_transport")):
        yield f"default_transport = {transport} names a server itself, so that relayhost means nothing"


def _reached(address: HostPort) -> HostPort:
    """Who listens on all addresses of this host is asked at loopback."""
    return address.model_copy(update={"host": ANY.get(address.host, address.host)})


def _bracketed(address: HostPort) -> str:
    """As Postfix writes a host that is not looked up for MX: [192.0.2.1]:25."""
    host = f"ipv6:{address.host}" if ":" in address.host else address.host
    return f"[{host}]:{address.port}"
