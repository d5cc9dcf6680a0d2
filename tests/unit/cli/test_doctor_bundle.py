"""The file of a bundle, and by which names people stand in it; what is in it test_doctor.py asks."""

import tarfile
from pathlib import Path

import pytest

from detector.cli.doctor_bundle import LINE_CHARACTERS, LOG_LINES, last_lines, redactor_for, write_bundle
from detector.cli.ends import Impossible
from detector.cli.redaction import Redactor
from detector.config import Config, parse

REDACTOR = Redactor(b"key")


def config(directory: Path, more: str = "") -> Config:
    return parse(f'state.directory = "{directory}"\n{more}')


def test_an_account_has_one_name_in_all_bundles_of_a_house_and_another_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "recipient.key").write_bytes(b"r" * 32)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "recipient.key").write_bytes(b"s" * 32)
    names = [redactor_for(config(place), ["ann"]).text("ann") for place in (tmp_path, tmp_path, tmp_path / "elsewhere")]
    assert names[0] == names[1] != names[2]


def test_without_a_key_the_name_is_drawn_by_lot(tmp_path: Path) -> None:
    assert redactor_for(config(tmp_path), ["ann"]).text("ann") != redactor_for(config(tmp_path), ["ann"]).text("ann")


def test_hosts_of_the_configuration_and_domains_of_accounts_are_known(tmp_path: Path) -> None:
    text = (
        'relay.hostname = "hop.example"\n'
        'next_hop.servers = ["mx.example.net:25", "192.0.2.1:25", "[2001:db8::1]:25", "mailhub:25"]\n'
        'records.url = "postgresql+psycopg://db.example.com/detector"\n'
        'feedback = {listen = ["127.0.0.1:1"], addresses = ["abuse@reports.example"]}'
    )
    redactor = redactor_for(config(tmp_path, text), ["ann@example.org", "ben"])
    assert redactor.hosts == {
        "hop.example",
        "mx.example.net",
        "db.example.com",
        "reports.example",
        "example.org",
        "mailhub",
    }


def test_accounts_of_several_words_are_known_as_such(tmp_path: Path) -> None:
    redactor = redactor_for(config(tmp_path), ["Ann O'Hara", "o'hara@example.org", "ben"])
    assert redactor.phrases == {"ann o'hara"}


def test_people_of_the_configuration_are_known(tmp_path: Path) -> None:
    redactor = redactor_for(config(tmp_path, 'operators = {admin = ["Olga"], viewer = ["@support"]}'), [])
    assert redactor.accounts == {"olga", "support"}


def test_a_file_that_is_there_is_not_written_over_and_no_link_followed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "there").write_text("mine", "utf-8")
    for name in ("link", "there"):
        with pytest.raises(Impossible, match="is there already"):
            write_bundle(tmp_path / name, {"a.txt": "x"}, 5.0)
    assert (tmp_path / "there").read_text("utf-8") == "mine"
    assert not (tmp_path / "elsewhere").exists()


def test_a_directory_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(Impossible, match="cannot be made: No such file or directory"):
        write_bundle(tmp_path / "none" / "b.tar.gz", {}, 5.0)


def test_what_is_written_can_be_unpacked(tmp_path: Path) -> None:
    octets = write_bundle(tmp_path / "b.tar.gz", {"a.txt": "Grüße \udcff"}, 5.0)
    assert octets == (tmp_path / "b.tar.gz").stat().st_size
    with tarfile.open(tmp_path / "b.tar.gz") as tar:
        (entry,) = tar
        file = tar.extractfile(entry)
        assert (entry.name, entry.mode, entry.mtime) == ("detector-bundle/a.txt", 0o600, 5)
        assert file is not None
        assert file.read().decode() == "Grüße \\udcff"


def test_of_a_log_the_end_is_taken_and_long_lines_are_cut(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(
        b"".join(b"line %d\n" % number for number in range(LOG_LINES + 5)) + b"\xff" + b"x" * 10_000 + b"\n"
    )
    lines = last_lines(log, REDACTOR).splitlines()
    assert (len(lines), lines[0]) == (LOG_LINES, "line 6")
    assert len(lines[-1]) == LINE_CHARACTERS


def test_a_log_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(Impossible, match="cannot be read: No such file"):
        last_lines(tmp_path / "none.log", REDACTOR)
