"""What is found at next hops, in the database, and at what the response acts with."""

import sqlite3
import sys
from pathlib import Path

import pytest

from detector.cli.check_outside import check_next_hops, check_records, check_response
from detector.cli.finding import Finding, Level
from detector.config import Config, parse
from detector.records.records import Records
from tests.support.ports import HOST, free_port
from tests.support.smtp_sink import SmtpSink


def settings(directory: Path, next_hop: int, more: str = "", tls: str = "may") -> Config:
    return parse(
        f"""
        next_hop = {{servers = ["{HOST}:{next_hop}"], tls = {{mode = "{tls}"}}}}
        state = {{directory = "{directory}"}}
        {more}
        """
    )


def levels(findings: list[Finding]) -> list[Level]:
    return [finding.level for finding in findings]


def test_a_next_hop_is_told_with_what_it_offers(tmp_path: Path) -> None:
    with SmtpSink() as sink:
        found = list(check_next_hops(settings(tmp_path, sink.port)))
    assert levels(found) == [Level.OK]
    assert "DSN" in found[0].text


def test_what_a_next_hop_does_not_offer_is_a_hint(tmp_path: Path) -> None:
    with SmtpSink(extensions=("PIPELINING", "SIZE 1000", "8BITMIME")) as sink:
        found = list(check_next_hops(settings(tmp_path, sink.port)))
    assert levels(found) == [Level.OK, Level.HINT]
    assert "delivery reports" in found[1].text


def test_a_next_hop_without_the_encryption_that_is_required_is_a_problem(tmp_path: Path) -> None:
    with SmtpSink() as sink:
        found = list(check_next_hops(settings(tmp_path, sink.port, tls="require")))
    assert levels(found) == [Level.PROBLEM]
    assert "does not offer STARTTLS" in found[0].text


def test_starttls_that_is_offered_and_not_used_is_a_hint(tmp_path: Path) -> None:
    with SmtpSink(extensions=("PIPELINING", "SIZE 1000", "8BITMIME", "DSN", "STARTTLS")) as sink:
        unused = list(check_next_hops(settings(tmp_path, sink.port, tls="off")))
        broken = list(check_next_hops(settings(tmp_path, sink.port, tls="may")))
    assert "does not use it" in unused[1].text
    assert "it fails" in broken[1].text


def test_a_next_hop_that_is_down_is_a_problem(tmp_path: Path) -> None:
    found = list(check_next_hops(settings(tmp_path, free_port())))
    assert levels(found) == [Level.PROBLEM]


def test_the_database_is_looked_at_and_not_changed(tmp_path: Path) -> None:
    config, path = settings(tmp_path, 25), tmp_path / "records.sqlite"
    assert "made at the first start" in next(check_records(config)).text
    assert not path.exists()
    sqlite3.connect(path).close()
    path.touch()
    assert "empty" in next(check_records(config)).text
    path.unlink()
    Records(config.records_url).close()
    assert next(check_records(config)).level is Level.OK
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    assert "newer program" in next(check_records(config)).text
    for part in tmp_path.glob("records.sqlite*"):
        part.unlink()
    path.write_bytes(b"this is no database at all" * 100)
    assert next(check_records(config)).level is Level.PROBLEM


def test_what_is_not_named_is_a_hint(tmp_path: Path) -> None:
    found = list(check_response(settings(tmp_path, 25), lambda: 0.0))
    assert levels(found) == [Level.HINT] * 6


def test_each_provider_is_tried(tmp_path: Path) -> None:
    users, customers = tmp_path / "users", tmp_path / "customers.csv"
    users.write_text("ann:{BLF-CRYPT}x\n")
    customers.write_text("account,address\nann,ann@private.example\n")
    more = f"""
        [response]
        password = {{provider = "passwd-file", path = "{users}"}}
        directory = {{provider = "csv", path = "{customers}"}}
        sessions = {{provider = "command", argv = ["{tmp_path}/none"]}}
        notice = {{sender = "abuse@example.net"}}
        hooks = [{{name = "tickets", action = {{provider = "command", argv = ["{sys.executable}"]}}}}]
        """
    with SmtpSink() as sink:
        found = {finding.about: finding for finding in check_response(settings(tmp_path, sink.port, more), lambda: 0.0)}
    assert found["response.password"].text.endswith("1 users, can be changed")
    assert found["response.sessions"].level is Level.PROBLEM
    assert {found[f"response.{name}"].level for name in ("directory", "notice", "hooks")} == {Level.OK}


def test_each_channel_to_the_customer_is_tried(tmp_path: Path) -> None:
    customers, url = tmp_path / "customers.csv", tmp_path / "gateway.url"
    customers.write_text("account,telephone\nann@example.org,+15550100\n")
    url.write_text("jsons://user:s3cret@example.net/{telephone}")
    url.chmod(0o600)
    more = f"""
        [response]
        directory = {{provider = "csv", path = "{customers}"}}
        [response.notice]
        sender = "abuse@example.net"
        [[response.notice.channels]]
        provider = "apprise"
        url = {{file = "{url}"}}
        [[response.notice.channels]]
        provider = "letter"
        directory = "{tmp_path / "letters"}"
        """
    found = [f for f in check_response(settings(tmp_path, 25, more), lambda: 0.0) if f.about == "response.notice"]
    assert [(finding.level, finding.text) for finding in found] == [
        (Level.OK, "texts in de, en, es, fr; else in en"),
        (Level.OK, "notices by Apprise, jsons, to the customer's telephone"),
        (Level.PROBLEM, f"letters: {tmp_path / 'letters'} is not a directory that we may write to"),
    ]


@pytest.mark.parametrize("template", ["Subject: x\n\nPlease reply with your password.\n", "no subject\n"])
def test_a_template_that_must_not_be_sent_is_a_problem(tmp_path: Path, template: str) -> None:
    (tmp_path / "notice.en.txt").write_text(template)
    more = f"""
        [response]
        directory = {{provider = "csv", path = "/nowhere.csv"}}
        notice = {{sender = "abuse@example.net", templates = "{tmp_path}"}}
        """
    assert Level.PROBLEM in levels(list(check_response(settings(tmp_path, 25, more), lambda: 0.0)))
