"""What an operator reads."""

from pathlib import Path

import pytest

from detector.cli.setup_host import PostfixHost
from detector.cli.setup_page import page, recommended
from detector.cli.setup_ways import Service, Way, changes
from detector.config import Config, parse

SERVICES = {name: f"{name.partition('/')[0]} inet n - y - - smtpd" for name in ("smtp/inet", "submission/inet")}
LOGIN = {("submission/inet", "smtpd_sasl_auth_enable"): "yes"}


def host(main: dict[str, str], options: dict[tuple[str, str], str] | None = None, other: bool = False) -> PostfixHost:
    return PostfixHost(Path("/etc/postfix"), other, "3.7.11", main, SERVICES, LOGIN | (options or {}))


@pytest.mark.parametrize(
    ("main", "way", "because"),
    [
        (
            {"relayhost": "[smtp.example.net]:25"},
            "relayhost",
            "all mail that leaves goes to [smtp.example.net]:25 already",
        ),
        ({}, "content-filter", "sends to the Internet by itself"),
        ({"relayhost": "x", "smtp_sasl_auth_enable": "yes"}, "content-filter", "which the hop does not do"),
        ({"content_filter": "amavis:[127.0.0.1]:10024"}, "before-queue", "no relayhost"),
        ({"content_filter": "a:1", "smtpd_proxy_filter": "b:2"}, None, "one service can have one only"),
    ],
)
def test_one_way_is_recommended_with_the_reason(main: dict[str, str], way: str | None, because: str) -> None:
    assert recommended(host(main), Config())[0] == way
    assert because in recommended(host(main), Config())[1]
    assert f"Recommended: {way or 'none of the three as it is'}, because" in "\n".join(page(host(main), Config()))


def test_the_recommended_way_stands_first_and_the_others_are_there_too() -> None:
    titles = [line.split()[1] for line in page(host({}), Config()) if line.startswith("== ")]
    assert titles == ["content-filter:", "relayhost:", "before-queue:"]


def test_one_way_alone_can_be_asked_for() -> None:
    titles = [line for line in page(host({}), Config(), ["before-queue"]) if line.startswith("== ")]
    assert len(titles) == 1


@pytest.mark.parametrize(
    ("relayhost", "server"),
    [
        ("[smtp.example.net]:587", "smtp.example.net:587"), ("smtp.example.net", "smtp.example.net:25"),
        ("[192.0.2.1]:submission", "192.0.2.1:587"), ("[ipv6:2001:db8::1]:2525", "[2001:db8::1]:2525"),
        ("", "mx-out.example.net:25"),
    ],
)  # fmt: skip
def test_the_relayhost_of_today_becomes_the_next_hop_in_a_form_that_we_read(relayhost: str, server: str) -> None:
    lines = list(page(host({"relayhost": relayhost}), Config(), ["relayhost"]))
    [written] = [line.strip() for line in lines if line.strip().startswith("servers = ")]
    assert str(parse(f"next_hop.{written}").next_hop.servers[0]) == server


@pytest.mark.parametrize(
    ("relayhost", "told"),
    [
        ("[smtp.example.net]", ""), ("example.net", "; Postfix took its MX"),
        ("[a.example], [b.example]:26", ", and [b.example]:26"),
    ],
)  # fmt: skip
def test_what_the_next_hop_of_today_leaves_away_is_said(relayhost: str, told: str) -> None:
    text = "\n".join(page(host({"relayhost": relayhost}), Config(), ["relayhost"]))
    [line] = [line for line in text.splitlines() if "servers = " in line]
    assert line.partition("# the relayhost of today")[2].startswith(told)
    assert bool(told) == bool(line.partition("# the relayhost of today")[2])


@pytest.mark.parametrize(
    ("way", "past"),
    [
        ("relayhost", "postconf -e 'relayhost = [mx-out.example.net]:25'"),
        ("content-filter", "postconf -PX submission/inet/content_filter"),
        ("before-queue", "postconf -PX submission/inet/smtpd_proxy_filter"),
    ],
)
def test_once_it_is_there_the_page_tells_how_mail_gets_past_the_hop(way: Way, past: str) -> None:
    config = parse('next_hop.servers = ["mx-out.example.net:25"]')
    plain = host({"relayhost": "[mx-out.example.net]:25"})
    main, services, options = dict(plain.main), dict(plain.services), dict(plain.options)
    for change in changes(way, plain, config):
        if isinstance(change, Service):
            services[change.name] = change.line
        elif change.service:
            options[change.service, change.name] = change.value
        else:
            main[change.name] = change.value
    there = PostfixHost(plain.directory, False, plain.version, main, services, options)
    text = "\n".join(page(there, config, [way]))
    lines = text.partition("It is there already.\nLines that lead mail past the hop:\n")[2].splitlines()
    assert [line.strip() for line in lines[:2]] == [past, "postfix reload"]


def test_who_followed_the_readme_hears_the_way_past_the_hop_and_the_hop_is_not_its_own_next_hop() -> None:
    config = parse('next_hop.servers = ["mx-out.example.net:25"]')
    text = "\n".join(page(host({"relayhost": "[127.0.0.1]:10025"}), config, ["relayhost"]))
    assert "Lines that lead mail past the hop:\n    postconf -e 'relayhost = [mx-out.example.net]:25'\n" in text
    assert 'servers = ["mx-out.example.net:25"]  # as it is' in text
    assert "It is there already" not in text
    assert "past the hop" not in "\n".join(page(host({"relayhost": "[mx-out.example.net]"}), config))


def test_an_option_with_blanks_is_put_back_in_an_editor_because_postconf_cannot() -> None:
    blanks = {("submission/inet", "smtpd_recipient_restrictions"): "permit_sasl_authenticated, reject"}
    text = "\n".join(page(host({}, blanks), Config(), ["before-queue"])).partition("The way back:")[2]
    option = "{ smtpd_recipient_restrictions = permit_sasl_authenticated, reject }"
    assert f"    # in an editor, in master.cf below submission/inet: -o {option}\n" in text
    assert "submission/inet/smtpd_recipient_restrictions" not in text
    assert "in an editor" not in "\n".join(page(host({}), Config()))


def test_another_instance_is_named_in_each_line_for_the_shell() -> None:
    lines = list(page(host({}, other=True), Config()))
    calls = [
        line for line in lines if line.startswith(("    postconf", "    postfix", "    postqueue", "    postsuper"))
    ]
    assert calls
    assert not [line for line in calls if " -c /etc/postfix " not in line]


def test_a_place_where_strangers_come_in_is_pointed_out() -> None:
    both = "\n".join(page(host({"smtpd_sasl_auth_enable": "yes"}), Config()))
    assert "not by a filter        smtp/inet: strangers hand in mail there, too." in both
    assert "strangers" not in "\n".join(page(host({}), Config()))


def test_filters_and_instances_that_are_there_are_shown() -> None:
    used = {("submission/inet", "smtpd_proxy_filter"): "127.0.0.1:8025", ("smtp/inet", "content_filter"): ""}
    main = {"content_filter": "amavis:[127.0.0.1]:10024", "multi_instance_directories": "/etc/postfix-out"}
    text = "\n".join(page(host(main, used), Config()))
    assert "content_filter         main.cf: amavis:[127.0.0.1]:10024\n" in text
    assert "smtpd_proxy_filter     submission/inet: 127.0.0.1:8025\n" in text
    assert "/etc/postfix-out (--directory names one of them)" in text
