import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from detector.config import CommandAction, ConfigError, CsvDirectory, HttpAction, SecretSource
from detector.ports import Contact, Refused, Secret, Temporary
from detector.response.command import Command
from detector.response.directory import CommandDirectory, CsvFile, HttpDirectory
from detector.response.http import Endpoint
from tests.support.http_receiver import Receiver

CSV = """\
account,address,name
ann@example.org,ann@private.example,"Ann, the first"
Bob@Example.org,bob@private.example,
"""


def csv_file(tmp_path: Path, text: str = CSV) -> CsvFile:
    path = tmp_path / "customers.csv"
    path.write_text(text, "utf-8")
    return CsvFile(CsvDirectory(provider="csv", path=path))


def test_a_customer_is_found_without_regard_to_case(tmp_path: Path) -> None:
    directory = csv_file(tmp_path)
    assert directory.contact("ANN@example.org") == Contact("ann@example.org", "ann@private.example", "Ann, the first")
    assert directory.contact("bob@example.org") == Contact("Bob@Example.org", "bob@private.example", "")
    assert directory.contact("eve@example.org") is None


@pytest.mark.parametrize("start", ["", "\ufeff"])
def test_two_columns_are_enough(tmp_path: Path, start: str) -> None:
    contact = csv_file(tmp_path, start + "address,account\r\nann@private.example,ann\r\n").contact("ann")
    assert contact == Contact("ann", "ann@private.example")


def test_all_columns_are_read(tmp_path: Path) -> None:
    text = (
        "account,name,language,telephone,postal_address\n"
        'ann,Ann,de_AT,+43 1 555-0100,"Hauptstraße 1\n  1010  Wien\n\n"\n'
    )
    directory = csv_file(tmp_path, text)
    expected = Contact("ann", "", "Ann", "de-AT", telephone="+4315550100", postal_address="Hauptstraße 1\n1010 Wien")
    assert directory.contact("ann") == expected
    assert directory.check().endswith("1 accounts")


def test_a_value_that_cannot_be_used_costs_no_other_way(tmp_path: Path) -> None:
    directory = csv_file(tmp_path, "account,address,telephone\nann@example.org,ann@private.example,ask Bob\n")
    assert directory.contact("ann@example.org") == Contact("ann@example.org", "ann@private.example")
    assert directory.check().endswith(
        "1 faults, the first: line 2: 'ask Bob' is not a telephone number for account 'ann@example.org'"
    )


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    directory = csv_file(tmp_path)
    assert directory.contact("eve@example.org") is None
    new = tmp_path / "new.csv"
    new.write_text(CSV + "eve@example.org,eve@private.example,\n", "utf-8")
    new.replace(tmp_path / "customers.csv")
    assert directory.contact("eve@example.org") is not None


def test_an_unchanged_file_is_not_read_again(tmp_path: Path) -> None:
    directory = csv_file(tmp_path)
    directory.contact("ann@example.org")
    path = tmp_path / "customers.csv"
    before = path.stat()
    path.write_text(CSV.replace("private", "foreign"), "utf-8")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    contact = directory.contact("ann@example.org")
    assert contact is not None
    assert contact.address == "ann@private.example"


def test_a_file_that_cannot_be_read_may_come_back(tmp_path: Path) -> None:
    directory = csv_file(tmp_path)
    (tmp_path / "customers.csv").unlink()
    with pytest.raises(Temporary, match="cannot be used"):
        directory.contact("ann@example.org")
    with pytest.raises(ConfigError, match="cannot be used"):
        directory.check()


@pytest.mark.parametrize(
    "header", ["ann@example.org,x@y", "account,address,mobile", "account,name,language", "address", "account", ""]
)
def test_a_header_that_is_none_is_told(tmp_path: Path, header: str) -> None:
    directory = csv_file(tmp_path, header + "\n")
    with pytest.raises(Temporary, match="the first line must be"):
        directory.contact("ann@example.org")


def test_a_bad_line_harms_nobody_else(tmp_path: Path) -> None:
    directory = csv_file(tmp_path, CSV + "eve@example.org,nobody knows,\nzoe@example.org,z@private.example,\n")
    assert directory.contact("zoe@example.org") is not None
    assert directory.contact("eve@example.org") is None
    assert directory.check().endswith(
        "3 accounts; 1 faults, the first: line 4 cannot be used: 'nobody knows' is not an address for account "
        "'eve@example.org'"
    )


@pytest.mark.parametrize("rest", ["", "bob@example.org,bob@private.example\n" * 10_000])
def test_a_quote_that_is_left_open_is_told_with_its_line(tmp_path: Path, rest: str) -> None:
    directory = csv_file(tmp_path, 'account,address\nann,ann@private.example\n"eve,eve@private.example\n' + rest)
    with pytest.raises(Temporary, match="line 3: "):
        directory.contact("ann")
    with pytest.raises(ConfigError, match=r"line 3: .* is a quote left open\?"):
        directory.check()


def test_an_open_quote_may_stand_anywhere(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="line 1: "):
        csv_file(tmp_path, '"account,address\n').check()
    with pytest.raises(ConfigError, match="line 2: "):
        csv_file(tmp_path, 'account,address\n"ann,ann@private.example\n').check()


@pytest.mark.parametrize("address", ["a@b\nBcc: x@y", "a@b,c@d", "<a@b>", "a b@c", "a@", "@b", "a"])
def test_only_a_plain_address_is_one(tmp_path: Path, address: str) -> None:
    assert csv_file(tmp_path, f'account,address\nann,"{address}"\n').contact("ann") is None


def test_check_tells_who_cannot_be_told(tmp_path: Path) -> None:
    directory = csv_file(tmp_path, "account,address\nann@example.org,Ann@Example.Org\n")
    assert "cannot be told, the first: ann@example.org" in directory.check()
    directory = csv_file(tmp_path, "account,address,telephone\nann@example.org,Ann@Example.Org,+15550100\n")
    assert "cannot be told" not in directory.check()


def program(answer: str, status: int = 0) -> CommandDirectory:
    code = f"import json, sys; asked = json.load(sys.stdin); print({answer}); sys.exit({status})"
    return CommandDirectory(
        Command(CommandAction(provider="command", argv=(sys.executable, "-c", code))), lambda: 1000.0
    )


def test_a_program_is_asked_in_json() -> None:
    answer = "json.dumps({'address': asked['action'] + '@' + asked['account'], 'name': 'Ann'})"
    assert program(answer).contact("example.org") == Contact("example.org", "contact@example.org", "Ann")


@pytest.mark.parametrize("answer", ["''", "'{}'", "'null'"])
def test_a_program_need_not_know_a_customer(answer: str) -> None:
    assert program(answer).contact("ann") is None


@pytest.mark.parametrize(
    "answer", ["not json", json.dumps(["a@b"]), json.dumps({"address": "nowhere"}), '"a@b"', "[" * 60_000]
)
def test_an_odd_answer_is_refused(answer: str) -> None:
    with pytest.raises(Refused, match="answer cannot be used"):
        program(repr(answer)).contact("ann")


def test_a_program_can_ask_to_try_again() -> None:
    with pytest.raises(Temporary):
        program("''", 75).contact("ann")
    assert "can be executed" in program("''").check()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver("a shared secret", lambda: 1000.0) as receiver:
        receiver.carry_out = lambda _: 200
        yield receiver


def endpoint(receiver: Receiver) -> HttpDirectory:
    settings = HttpAction(
        provider="http", url=f"http://localhost:{receiver.port}/contact", secret=SecretSource(environment="UNUSED")
    )
    return HttpDirectory(Endpoint(settings, Secret("a shared secret"), lambda: 1000.0), lambda: 1000.0)


def test_an_endpoint_is_asked_by_a_signed_request(receiver: Receiver) -> None:
    receiver.body = lambda _: json.dumps({"telephone": "+15550100", "language": "fr"}).encode()
    assert endpoint(receiver).contact("ann") == Contact("ann", language="fr", telephone="+15550100")
    assert receiver.requests[0][1] == {"action": "contact", "account": "ann", "time": 1000}
    assert "answers" in endpoint(receiver).check()


@pytest.mark.parametrize("status", [200, 204, 404, 410])
def test_an_endpoint_need_not_know_a_customer(receiver: Receiver, status: int) -> None:
    receiver.carry_out = lambda _: status
    assert endpoint(receiver).contact("ann") is None


@pytest.mark.parametrize("answer", [b"not json", b'["a@b"]', b'{"name": "Ann"}', b"{" * 70_000])
def test_an_odd_answer_of_an_endpoint_is_refused(receiver: Receiver, answer: bytes) -> None:
    receiver.body = lambda _: answer
    with pytest.raises(Refused, match="answer"):
        endpoint(receiver).contact("ann")


def test_an_endpoint_can_ask_to_try_again(receiver: Receiver) -> None:
    receiver.statuses = [503]
    with pytest.raises(Temporary, match="answered 503"):
        endpoint(receiver).contact("ann")
