"""A scratch copy of a configuration, asked by the real postconf."""

import subprocess
from pathlib import Path

import pytest

from detector.cli import setup_host
from detector.cli.ends import Impossible
from detector.cli.setup_host import PostfixHost, read_host
from detector.cli.setup_ways import Setting, changes
from detector.config import Config

MAIN = """\
compatibility_level = 3.6
relayhost = [smtp.example.net]:587
smtpd_client_restrictions =
    permit,
    reject
"""
MASTER = """\
smtp inet n - y - - smtpd
submission inet n - y - - smtpd
    -o smtpd_sasl_auth_enable=yes
    -o { smtpd_recipient_restrictions = permit_sasl_authenticated, reject }
127.0.0.1:10025 inet n - n - - smtpd
pickup unix n - y 60 1 pickup
"""


@pytest.fixture
def host(tmp_path: Path) -> PostfixHost:
    (tmp_path / "main.cf").write_text(MAIN, "utf-8")
    (tmp_path / "master.cf").write_text(MASTER, "utf-8")
    return read_host(tmp_path)


@pytest.mark.debian("postfix")
def test_settings_are_read_as_postfix_reads_them(host: PostfixHost) -> None:
    assert host.version[0] == "3"
    assert host.value("relayhost") == "[smtp.example.net]:587"
    assert host.value("smtpd_client_restrictions") == "permit, reject"
    assert host.value("smtpd_recipient_restrictions", "submission/inet") == "permit_sasl_authenticated, reject"
    assert host.value("content_filter", "submission/inet") == ""


@pytest.mark.debian("postfix")
def test_services_are_found_by_what_customers_can_do_there(host: PostfixHost) -> None:
    assert host.login_services == host.submission_services == ("submission/inet",)
    assert host.listens_on(10025) == "127.0.0.1:10025/inet"
    assert host.listens_on(10026) == host.listens_on(25) == ""


@pytest.mark.parametrize(
    ("login", "submission"),
    [("smtp submission", "submission"), ("smtp", "smtp"), ("192.0.2.1:25 465", "465"), ("[::]:587", "[::]:587")],
)
def test_port_25_is_a_place_for_filters_only_where_customers_have_no_other(login: str, submission: str) -> None:
    services = {f"{name}/inet": f"{name} inet n - y - - smtpd" for name in login.split()}
    host = PostfixHost(Path("/etc/postfix"), False, "3.7.11", {"smtpd_sasl_auth_enable": "yes"}, services, {})
    assert host.login_services == tuple(services)
    assert host.submission_services == (f"{submission}/inet",)


@pytest.mark.debian("postfix")
def test_a_directory_without_a_configuration_is_told_in_the_words_of_postfix(tmp_path: Path) -> None:
    with pytest.raises(Impossible, match=r"main\.cf"):
        read_host(tmp_path)


def test_a_host_without_postfix_is_told_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(setup_host, "POSTCONF", str(tmp_path / "postconf"))
    with pytest.raises(Impossible, match="no Postfix on this host"):
        read_host(None)


def test_a_postfix_too_old_for_these_lines_is_told_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "postconf"
    program.write_text("#!/bin/sh\necho mail_version = 2.11.3\necho config_directory = /etc/postfix\n", "utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Impossible, match=r"2\.11\.3 is older than 3\.0"):
        read_host(None)


@pytest.mark.debian("postfix")
def test_the_exception_of_this_host_from_mandatory_tls_is_one_that_postfix_finds() -> None:
    """What detector/cli/setup_ways.py writes into smtp_tls_policy_maps, asked as the smtp client asks."""
    behind = PostfixHost(Path("/etc/postfix"), False, "3.7.11", {"smtp_tls_security_level": "encrypt"}, {}, {})
    [maps] = [change for change in changes("relayhost", behind, Config()) if change.name == "smtp_tls_policy_maps"]
    assert isinstance(maps, Setting)
    words = ["/usr/sbin/postmap", "-q", "[127.0.0.1]:10025", maps.value]
    assert subprocess.run(words, capture_output=True, text=True, check=True).stdout == "none\n"


def test_names_that_stand_for_values_are_filled_in_where_it_is_asked_what_they_mean() -> None:
    services = {"submission/inet": "submission inet n - y - - smtpd"}
    main = {"yes_or_no": "${other}", "other": "yes", "relayhost": "$hub:25", "circle": "$circle"}
    options = {("submission/inet", "smtpd_sasl_auth_enable"): "$(yes_or_no)"}
    host = PostfixHost(Path("/etc/postfix"), False, "3.7.11", main, services, options)
    assert host.login_services == ("submission/inet",)
    assert host.meant("relayhost") == host.value("relayhost") == "$hub:25"
    assert host.meant("circle") == "$circle"


def test_behind_postscreen_strangers_come_in_and_customers_may_log_in() -> None:
    services = {
        "smtp/inet": "smtp inet n - y - 1 postscreen",
        "smtpd/pass": "smtpd pass - - y - - smtpd",
        "submission/inet": "submission inet n - y - - smtpd",
    }
    host = PostfixHost(Path("/etc/postfix"), False, "3.7.11", {"smtpd_sasl_auth_enable": "yes"}, services, {})
    assert host.login_services == ("smtpd/pass", "submission/inet")
    assert host.submission_services == ("submission/inet",)
