"""What is said about Postfixes of many kinds; tests/e2e/test_setup_postfix.py puts the lines into a real one."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from detector.cli.setup_host import PostfixHost
from detector.cli.setup_ways import (
    WAYS,
    Service,
    Setting,
    Way,
    changes,
    hop_address,
    missing,
    obstacles,
    to_do,
    to_undo,
)
from detector.config import Config, parse

SUBMISSION = {"smtp/inet": "smtp inet n - y - - smtpd", "submission/inet": "submission inet n - y - - smtpd"}
LOGIN = {("submission/inet", "smtpd_sasl_auth_enable"): "yes"}
HOP = Config()


def host(
    main: Mapping[str, str] | None = None,
    services: Mapping[str, str] | None = None,
    options: Mapping[tuple[str, str], str] | None = None,
) -> PostfixHost:
    """A Postfix where customers log in at port 587, with this beside."""
    services, options = {**SUBMISSION, **(services or {})}, {**LOGIN, **(options or {})}
    return PostfixHost(Path("/etc/postfix"), False, "3.7.11", main or {}, services, options)


BEHIND = {"relayhost": "[smtp.example.net]:25"}


@pytest.mark.parametrize(
    ("way", "main", "services", "options", "reason"),
    [
        ("relayhost", {}, {}, {}, "no relayhost"),
        ("relayhost", {**BEHIND, "smtp_sasl_auth_enable": "yes"}, {}, {}, "which the hop does not do"),
        ("relayhost", {**BEHIND, "transport_maps": "hash:/t"}, {}, {}, "would pass the hop by"),
        ("relayhost", {**BEHIND, "content_filter": "amavis:[127.0.0.1]:10024"}, {}, {}, "with another queue id"),
        ("relayhost", {**BEHIND, "sender_dependent_relayhost_maps": "hash:/t"}, {}, {}, "would pass the hop by"),
        ("relayhost", {**BEHIND, "default_transport": "smtp:[other.example]"}, {}, {}, "relayhost means nothing"),
        ("relayhost", BEHIND, {"10025/inet": "10025 inet n - y - - smtpd"}, {}, "has the port of the hop"),
        ("content-filter", {}, {"127.0.0.1:10026/inet": "127.0.0.1:10026 inet n - y - - smtpd"}, {}, "has the port on"),
        ("content-filter", {"content_filter": "amavis:[127.0.0.1]:10024"}, {}, {}, "already, and one service"),
        ("before-queue", {}, {}, {("submission/inet", "smtpd_proxy_filter"): "127.0.0.1:8025"}, "already, and one"),
    ],
)
def test_what_stands_against_a_way_is_said(
    way: Way,
    main: dict[str, str],
    services: dict[str, str],
    options: dict[tuple[str, str], str],
    reason: str,
) -> None:
    [found] = obstacles(way, host(main, services, options), HOP)
    assert reason in found


@pytest.mark.parametrize("way", WAYS)
def test_where_nobody_logs_in_no_way_helps(way: Way) -> None:
    nobody = PostfixHost(Path("/etc/postfix"), False, "3.7.11", BEHIND, SUBMISSION, {})
    assert any("nobody logs in" in reason for reason in obstacles(way, nobody, HOP))


@pytest.mark.parametrize("way", WAYS)
def test_nothing_stands_against_a_way_that_was_taken(way: Way) -> None:
    before = host(BEHIND)
    after = applied(before, way)
    assert missing(before, changes(way, before, HOP))
    assert missing(after, changes(way, after, HOP)) == ()
    assert list(obstacles(way, after, HOP)) == []


@pytest.mark.parametrize("way", WAYS)
def test_each_change_is_undone_to_what_was_before(way: Way) -> None:
    before = host({**BEHIND, "login_to_hop": "old"}, {}, {("submission/inet", "content_filter"): ""})
    undone = {
        (type(c).__name__, c.name, getattr(c, "service", "")): to_undo(c, before) for c in changes(way, before, HOP)
    }
    assert undone["Setting", "login_to_hop", ""] == ["-e", "login_to_hop = old"]
    for (kind, name, service), words in undone.items():
        if kind == "Service":
            assert words == ["-MX", name]
        elif service == "submission/inet":
            assert words == (["-P", f"{service}/{name}="] if name == "content_filter" else ["-PX", f"{service}/{name}"])


def test_a_virus_scanner_after_the_queue_goes_on_to_see_what_was_filtered_before_it() -> None:
    """Mail is queued where it comes back from the hop: main.cf's filter holds there, and that of a service is given."""
    everywhere = changes("before-queue", host({"content_filter": "amavis:[127.0.0.1]:10024"}), HOP)
    assert not [change for change in everywhere if change.name == "content_filter"]
    of_service = host({}, {}, {("submission/inet", "content_filter"): "amavis:[127.0.0.1]:10024"})
    given = Setting("content_filter", "amavis:[127.0.0.1]:10024", "127.0.0.1:10026/inet")
    assert given in changes("before-queue", of_service, HOP)
    assert Setting("content_filter", "", "127.0.0.1:10026/inet") in changes("content-filter", host(), HOP)


@pytest.mark.parametrize(
    ("way", "name"),
    [("relayhost", "smtpd_end_of_data_restrictions"), ("before-queue", "smtpd_recipient_restrictions")],
)
@pytest.mark.parametrize("place", ["main.cf", "master.cf"])
def test_ours_is_asked_before_restrictions_that_are_there(way: Way, name: str, place: str) -> None:
    in_master = {("submission/inet", name): "reject"} if place == "master.cf" else {}
    there = host({name: "reject"} if place == "main.cf" else {}, {}, in_master)
    assert Setting(name, "$login_to_hop,reject", "submission/inet") in changes(way, there, HOP)


def test_restrictions_with_blanks_become_a_name_because_postconf_takes_none() -> None:
    there = host({"smtpd_recipient_restrictions": "permit_mynetworks, reject"})
    wanted = changes("before-queue", there, HOP)
    name = "hop_submission_smtpd_recipient_restrictions"
    assert Setting(name, "$login_to_hop,permit_mynetworks, reject") in wanted
    assert Setting("smtpd_recipient_restrictions", f"${name}", "submission/inet") in wanted
    assert wanted.index(Setting(name, "$login_to_hop,permit_mynetworks, reject")) < wanted.index(
        Setting("smtpd_recipient_restrictions", f"${name}", "submission/inet")
    )
    after = applied(there, "before-queue")
    assert missing(after, changes("before-queue", after, HOP)) == ()


@pytest.mark.parametrize(("level", "wanted"), [("encrypt", True), ("dane-only", True), ("may", False), ("", False)])
def test_where_tls_is_mandatory_this_host_is_excepted(level: str, wanted: bool) -> None:
    there = host({**BEHIND, "smtp_tls_security_level": level, "smtp_tls_policy_maps": "hash:/etc/postfix/tls"})
    found = [change for change in changes("relayhost", there, HOP) if change.name == "smtp_tls_policy_maps"]
    ours = Setting("smtp_tls_policy_maps", "inline:{ [127.0.0.1]:10025=none }, hash:/etc/postfix/tls")
    assert found == ([ours] if wanted else [])


@pytest.mark.parametrize(
    ("way", "last"),
    [("relayhost", "relayhost"), ("content-filter", "content_filter"), ("before-queue", "smtpd_proxy_filter")],
)
def test_what_sends_mail_to_the_hop_comes_last(way: Way, last: str) -> None:
    assert changes(way, host(BEHIND), HOP)[-1].name == last


ELSEWHERE = """
relay.listen = ["[::]:2500"]
policy_service.listen = ["0.0.0.0:2501"]
next_hop.servers = ["127.0.0.1:2502"]
"""


def test_addresses_are_those_of_the_configuration() -> None:
    own = parse(ELSEWHERE)
    wanted = changes("content-filter", host(), own)
    assert str(hop_address(own)) == "[::1]:2500"
    assert Setting("content_filter", "to-hop:[ipv6:::1]:2500", "submission/inet") in wanted
    assert Service("127.0.0.1:2502/inet", "127.0.0.1:2502 inet n - n - 20 smtpd") in wanted
    assert any("inet:127.0.0.1:2501" in change.value for change in wanted if isinstance(change, Setting))


def test_mail_comes_back_to_this_host_also_where_the_next_hop_is_another() -> None:
    own = parse('next_hop.servers = ["mx-out.example.net:25"]')
    assert Service("127.0.0.1:10026/inet", "127.0.0.1:10026 inet n - n - 20 smtpd") in changes(
        "before-queue", host(), own
    )


def test_the_words_for_postconf_name_the_file_by_their_letter() -> None:
    assert to_do(Setting("relayhost", "[127.0.0.1]:10025")) == ["-e", "relayhost = [127.0.0.1]:10025"]
    assert to_do(Setting("content_filter", "", "smtp/inet")) == ["-P", "smtp/inet/content_filter="]
    assert to_do(Service("a/unix", "a unix - - n - 20 smtp")) == ["-M", "a/unix=a unix - - n - 20 smtp"]


def applied(before: PostfixHost, way: Way) -> PostfixHost:
    main, services, options = dict(before.main), dict(before.services), dict(before.options)
    for change in changes(way, before, HOP):
        if isinstance(change, Service):
            services[change.name] = change.line
        elif change.service:
            options[change.service, change.name] = change.value
        else:
            main[change.name] = change.value
    return PostfixHost(before.directory, False, before.version, main, services, options)


def test_milters_of_the_submission_service_alone_see_the_mail_where_it_comes_back_before_the_queue() -> None:
    milters = {
        ("submission/inet", "smtpd_milters"): "inet:127.0.0.1:8891, inet:127.0.0.1:8892",
        ("submission/inet", "milter_macro_daemon_name"): "ORIGINATING",
    }
    wanted = changes("before-queue", host({}, {}, milters), HOP)
    own = "hop_127_0_0_1_10026_smtpd_milters"
    assert Setting(own, "inet:127.0.0.1:8891, inet:127.0.0.1:8892") in wanted
    assert Setting("smtpd_milters", f"${own}", "127.0.0.1:10026/inet") in wanted
    assert Setting("milter_macro_daemon_name", "ORIGINATING", "127.0.0.1:10026/inet") in wanted
    after = changes("content-filter", host({}, {}, milters), HOP)
    assert not [change for change in after if change.name == "smtpd_milters"]


def test_the_exception_from_mandatory_tls_is_made_once() -> None:
    strict = {**BEHIND, "smtp_tls_security_level": "encrypt", "smtp_tls_policy_maps": "hash:/etc/postfix/tls"}
    ours = Setting("smtp_tls_policy_maps", "inline:{ [127.0.0.1]:10025=none }, hash:/etc/postfix/tls")
    assert ours in changes("relayhost", host(strict), HOP)
    assert ours in changes("relayhost", host({**strict, ours.name: ours.value}), HOP)
