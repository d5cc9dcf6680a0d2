import os
from pathlib import Path

import pytest

from detector.config import ConfigError
from detector.relay.held_files import HeldFiles
from detector.relay.held_keys import HoldKey, HoldKeys
from detector.relay.held_seal import Unreadable

OLD, NEW = HoldKey.of(b"o" * 32), HoldKey.of(b"n" * 32)


def put(files: HeldFiles, message_id: str, octets: bytes = b"text") -> None:
    writer = files.create(message_id)
    writer.write(octets)
    writer.commit()


def read(files: HeldFiles, message_id: str) -> bytes:
    return b"".join(files.read(message_id))


@pytest.fixture
def files(tmp_path: Path) -> HeldFiles:
    return HeldFiles(tmp_path, HoldKeys([OLD]))


def test_a_message_is_there_when_it_is_complete_and_readable_by_us_only(files: HeldFiles) -> None:
    writer = files.create("m1")
    writer.write(b"text")
    assert files.complete() == set()
    writer.commit()
    assert files.complete() == {"m1"}
    assert read(files, "m1") == b"text"
    assert files.path("m1").stat().st_mode & 0o777 == 0o600


def test_nothing_stays_of_a_message_that_is_given_up(files: HeldFiles) -> None:
    writer = files.create("m1")
    writer.write(b"x" * 1_000_000)
    writer.abort()
    assert list(files.directory.iterdir()) == []


def test_what_a_crash_left_unfinished_is_swept_away(files: HeldFiles) -> None:
    put(files, "m1")
    (files.directory / "m2.new").write_bytes(b"x")
    files.sweep()
    assert [path.name for path in files.directory.iterdir()] == ["m1.held"]


def test_a_missing_file_is_named(files: HeldFiles) -> None:
    with pytest.raises(Unreadable, match=r"the file .*m1\.held is missing"):
        read(files, "m1")


def test_what_is_erased_is_gone_and_may_be_gone_already(files: HeldFiles) -> None:
    put(files, "m1")
    files.erase(["m1", "m2"])
    assert files.complete() == set()


def test_what_is_set_aside_stays_for_a_time(files: HeldFiles) -> None:
    put(files, "m1")
    files.set_aside("m1")
    assert files.complete() == set()
    files.erase_set_aside(before=0.0)
    (aside,) = files.directory.iterdir()
    files.erase_set_aside(before=aside.stat().st_ctime + 1.0)
    assert list(files.directory.iterdir()) == []


def test_after_rekey_the_old_key_is_not_needed(files: HeldFiles) -> None:
    put(files, "m1")
    with_both = HeldFiles(files.directory, HoldKeys([NEW, OLD]))
    assert with_both.rekey("m1")
    assert not with_both.rekey("m1")
    assert read(HeldFiles(files.directory, HoldKeys([NEW])), "m1") == b"text"
    with pytest.raises(Unreadable):
        read(files, "m1")


def test_rekey_by_root_leaves_the_files_to_the_service(files: HeldFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    put(files, "m1")
    owner, given = (files.directory / "m1.held").stat(), []
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "fchown", lambda _, *who: given.append(who))
    assert HeldFiles(files.directory, HoldKeys([NEW, OLD])).rekey("m1")
    put(files, "m2")
    assert given == [(owner.st_uid, owner.st_gid)]


def test_rekey_of_what_cannot_be_read_leaves_it_as_it_is(files: HeldFiles) -> None:
    put(files, "m1")
    with pytest.raises(Unreadable):
        HeldFiles(files.directory, HoldKeys([NEW])).rekey("m1")
    assert read(files, "m1") == b"text"
    assert files.complete() == {"m1"}


def test_a_directory_belongs_to_one_process_and_keeps_its_name(files: HeldFiles) -> None:
    lock = files.hold_alone()
    with pytest.raises(ConfigError, match="is used by another running detector"):
        files.hold_alone()
    os.close(lock)
    os.close(files.hold_alone())
    assert files.spool_id() == HeldFiles(files.directory, HoldKeys([NEW])).spool_id()


def test_a_directory_that_has_lost_its_name_is_not_given_another(files: HeldFiles) -> None:
    (files.directory / "id").touch()
    with pytest.raises(ConfigError, match="is empty; write into it the `spool`"):
        files.spool_id()


def test_the_free_room_of_its_disk_is_known(files: HeldFiles) -> None:
    assert files.free_bytes > 0


def test_a_directory_that_was_replaced_takes_no_message(files: HeldFiles) -> None:
    files.spool_id()
    put(files, "m1")
    (files.directory / "id").rename(files.directory / "moved")
    for _ in range(2):
        with pytest.raises(OSError, match="was removed or replaced"):
            put(files, "m2")
        (files.directory / "id").touch()
    (files.directory / "moved").rename(files.directory / "id")
    put(files, "m3")
    assert {"m1", "m3"} <= files.complete()
