"""The page of `detector setup postfix`: what is there, which way is recommended, the lines for it, and the way back."""

import re
import shlex
from collections.abc import Iterator, Sequence
from itertools import groupby

from detector.cli.setup_host import PostfixHost
from detector.cli.setup_ways import (
    WAYS,
    Change,
    Service,
    Way,
    back_address,
    by_hand,
    changes,
    hop_address,
    missing,
    obstacles,
    past_the_hop,
    to_do,
    to_undo,
)
from detector.config import Config

PORTS = {"smtp": "25", "submission": "587", "submissions": "465", "smtps": "465"}
TITLES: dict[Way, str] = {
    "relayhost": "all mail that leaves this Postfix goes by the hop to the next server",
    "content-filter": "mail of customers goes by the hop and back into this Postfix, after it was queued",
    "before-queue": "the customer waits while the hop decides, and a thief hears 5xx himself",
}
PRICES: dict[Way, str] = {
    "relayhost": "Mail to mailboxes of this Postfix does not pass the hop.",
    "content-filter": "Each message passes the queue of this Postfix twice.",
    "before-queue": "One session with the hop for each message: for servers of moderate traffic.",
}
AGAIN: dict[Way, tuple[str, ...]] = {
    "relayhost": ("postqueue", "-f"),
    "content-filter": ("postsuper", "-r", "ALL"),
    "before-queue": ("postqueue", "-f"),
}
"""What brings waiting mail onto its new way."""


def page(host: PostfixHost, config: Config, ways: Sequence[Way] = WAYS) -> Iterator[str]:
    """Line by line."""
    yield f"Postfix {host.version} in {host.directory}, and a hop that listens on {hop_address(config)}."
    yield "This changes nothing. Lines for the shell are for root; keep a copy first:"
    yield f"    cp -a {shlex.quote(str(host.directory))} {shlex.quote(str(host.directory))}.before-detector"
    yield ""
    yield from _found(host)
    best, why = recommended(host, config)
    yield ""
    yield f"Recommended: {best or 'none of the three as it is'}, {why}."
    for way in sorted(ways, key=lambda way: way != best):
        yield ""
        yield from _way(way, host, config)


def recommended(host: PostfixHost, config: Config) -> tuple[Way | None, str]:
    """The first way that nothing stands against, and why not one before it."""
    for way in WAYS:
        if host.login_services and not missing(host, changes(way, host, config)):
            return way, "because it is there already"
    against: list[str] = []
    for way in WAYS:
        found = list(obstacles(way, host, config))
        if not found:
            return way, _because(way, host, against)
        against += [reason for reason in found if reason not in against]
    return None, "because " + "; and ".join(against)


def _because(way: Way, host: PostfixHost, against: Sequence[str]) -> str:
    if way == "relayhost":
        return f"because all mail that leaves goes to {host.meant('relayhost')} already"
    return "because " + "; and ".join(against)


def _found(host: PostfixHost) -> Iterator[str]:
    yield "Found"
    yield f"    customers log in at    {', '.join(host.login_services) or 'nothing: smtpd_sasl_auth_enable is no'}"
    yield f"    mail leaves by         {host.meant('relayhost') or 'itself, there is no relayhost'}"
    for name in ("content_filter", "smtpd_proxy_filter"):
        users = [f"{service}: {value}" for (service, option), value in host.options.items() if option == name and value]
        users += [f"main.cf: {host.main[name]}"] if host.main.get(name) else []
        if users:
            yield f"    {name:<22} {', '.join(users)}"
    if host.value("multi_instance_directories"):
        yield f"    other instances        {host.value('multi_instance_directories')} (--directory names one of them)"
    strangers = sorted(set(host.login_services) - set(host.submission_services))
    if strangers:
        yield f"    not by a filter        {', '.join(strangers)}: strangers hand in mail there, too. Who logs in there"
        yield "                           passes the hop by relayhost only; better switch the login off there"


def _way(way: Way, host: PostfixHost, config: Config) -> Iterator[str]:
    yield f"== {way}: {TITLES[way]} =="
    for reason in obstacles(way, host, config):
        yield f"Mind: {reason}."
    yield PRICES[way]
    everything = changes(way, host, config)
    wanted = missing(host, everything)
    if not wanted:
        yield "It is there already."
    if everything[-1] not in wanted:  # the last of them sends mail to the hop
        yield "Lines that lead mail past the hop:"
        yield from _shell(host, past_the_hop(way, host, config))
        yield from _read_anew(way, host)
    if not wanted:
        return
    yield "In detector.toml:"
    yield from (f"    {line}" for line in _detector(way, host, config))
    yield "Then, with the hop running:"
    yield from _shell(host, [to_do(change) for change in wanted])
    yield f"    {_tool(host, 'postfix')} reload"
    yield "The way back:"
    back = _to_take_back(wanted)
    yield from _shell(host, [to_undo(change, host) for change in back if not by_hand(change, host)])
    yield from (
        f"    # in an editor, in master.cf below {line}" for line in filter(None, (by_hand(c, host) for c in back))
    )
    yield from _read_anew(way, host)


def _read_anew(way: Way, host: PostfixHost) -> Iterator[str]:
    yield f"    {_tool(host, 'postfix')} reload"
    # A queued message keeps the filter that it was given, and its next server until it is tried again.
    yield f"    {_tool(host, *AGAIN[way])}"


def _to_take_back(wanted: Sequence[Change]) -> list[Change]:
    """Backwards; what stands in a line of master.cf that is new goes with that line."""
    new = {change.name for change in wanted if isinstance(change, Service)}
    return [change for change in reversed(wanted) if isinstance(change, Service) or change.service not in new]


def _detector(way: Way, host: PostfixHost, config: Config) -> Iterator[str]:
    yield f'mode = "{"before" if way == "before-queue" else "after"}-queue"'
    yield "[next_hop]"
    if way != "relayhost":
        yield f'servers = ["{back_address(config)}"]  # this Postfix again'
    elif _server(host.meant("relayhost")) == str(hop_address(config)):
        servers = ", ".join(f'"{server}"' for server in config.next_hop.servers)
        yield f"servers = [{servers}]  # as it is: the relayhost of today is the hop itself"
    elif host.meant("relayhost"):
        yield f'servers = ["{_server(host.meant("relayhost"))}"]  # {_of_today(host.meant("relayhost"))}'
    else:
        yield 'servers = ["mx-out.example.net:25"]  # your outbound server'


def _server(relayhost: str) -> str:
    """As [next_hop] names what `relayhost` names; without brackets Postfix would look for its MX first.

    >>> _server("[smtp.example.net]:submission"), _server("smtp.example.net"), _server("[ipv6:2001:db8::1]")
    ('smtp.example.net:587', 'smtp.example.net:25', '[2001:db8::1]:25')
    """
    match = re.fullmatch(r"(\[[^\]]*\]|[^\[\]:]*)(?::(\w+))?", relayhost.partition(",")[0].strip())
    host, port = (match[1], match[2] or "25") if match else (relayhost, "25")
    host = host.strip("[]").removeprefix("ipv6:")
    return f"[{host}]:{PORTS.get(port, port)}" if ":" in host else f"{host}:{PORTS.get(port, port)}"


def _of_today(relayhost: str) -> str:
    """What to mind of it: the hop looks for no MX, and of several servers the page names one.

    >>> _of_today("[smtp.example.net]:587"), _of_today("example.net")
    ('the relayhost of today', 'the relayhost of today; Postfix took its MX: name those, each as "host:port"')
    """
    first, _, more = relayhost.partition(",")
    minds = "" if first.strip().startswith("[") else '; Postfix took its MX: name those, each as "host:port"'
    return "the relayhost of today" + minds + (f", and {more.strip()}" if more else "")


def _shell(host: PostfixHost, calls: Sequence[list[str]]) -> Iterator[str]:
    """Calls of postconf, neighbours of one kind in one."""
    for flag, group in groupby(calls, key=lambda call: call[0]):
        words = [shlex.quote(word) for call in group for word in call[1:]]
        yield f"    {_tool(host, 'postconf')} {flag} " + " \\\n        ".join(words)


def _tool(host: PostfixHost, name: str, *words: str) -> str:
    return " ".join((name, *(("-c", shlex.quote(str(host.directory))) if host.is_other else ()), *words))
