import fcntl
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import bcrypt
import pytest

from detector.config import ConfigError, PasswdFileProvider
from detector.ports import Refused, Secret, Temporary
from detector.response.passwd_file import PasswdFile, replace_hash

CONTENT = b"""\
# users of example.org

ann@example.org:{PLAIN}old:1000:1000::/home/ann::userdb_quota=1G user:with:colons\xff
bob@example.org:{BLF-CRYPT}$2y$05$abc
  # a comment that is moved in
short
carl@example.org:{PLAIN}x\r
no-line-break:{PLAIN}y:1"""


def provider(path: Path) -> PasswdFile:
    return PasswdFile(PasswdFileProvider(provider="passwd-file", path=path), settling_time=0.0)


def users(tmp_path: Path, content: bytes = CONTENT) -> Path:
    path = tmp_path / "users"
    path.write_bytes(content)
    path.chmod(0o640)
    return path


@pytest.mark.parametrize(
    ("account", "before", "after"),
    [
        ("ann@example.org", b"{PLAIN}old", b"NEW"),
        ("bob@example.org", b"{BLF-CRYPT}$2y$05$abc", b"NEW"),
        ("short", b"short", b"short:NEW"),
        ("carl@example.org", b"{PLAIN}x", b"NEW"),
        ("no-line-break", b"{PLAIN}y", b"NEW"),
        ("Ann@Example.ORG", b"{PLAIN}old", b"NEW"),
    ],
)
def test_only_the_hash_of_that_user_changes(account: str, before: bytes, after: bytes) -> None:
    assert replace_hash(CONTENT, account, "NEW") == (CONTENT.replace(before, after), 1)


def test_an_exact_name_goes_before_a_folded_one() -> None:
    assert replace_hash(b"Ann:a\nann:b\n", "ann", "NEW") == (b"Ann:a\nann:NEW\n", 1)


def test_a_user_that_stands_there_twice_keeps_no_old_password() -> None:
    assert replace_hash(b"ann:a\nann:b\n", "ann", "NEW") == (b"ann:NEW\nann:NEW\n", 2)


def test_an_unknown_user_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    path = users(tmp_path)
    before = path.stat().st_ino
    with pytest.raises(Refused, match=r"has no user eve@example\.org"):
        provider(path).change_password("eve@example.org", Secret("new"), "r")
    assert (path.stat().st_ino, path.read_bytes()) == (before, CONTENT)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["users", "users.lock"]


def test_a_comment_is_not_a_user(tmp_path: Path) -> None:
    with pytest.raises(Refused):
        provider(users(tmp_path, b"#ann:x\n")).change_password("#ann", Secret("new"), "r")


def test_the_new_password_is_hashed(tmp_path: Path) -> None:
    path = users(tmp_path)
    word = provider(path).change_password("ann@example.org", Secret("n3w"), "r")
    line = path.read_bytes().split(b"\n")[2]
    scheme, hashed = line.split(b":")[1][1:].split(b"}")
    assert (scheme, bcrypt.checkpw(b"n3w", hashed)) == (b"BLF-CRYPT", True)
    assert "n3w" not in word
    assert b"n3w" not in path.read_bytes()


def test_mode_and_owner_survive(tmp_path: Path) -> None:
    path = users(tmp_path)
    if os.geteuid() == 0:
        os.chown(path, 12345, 12346)
    before = path.stat()
    provider(path).change_password("ann@example.org", Secret("new"), "r")
    after = path.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    assert after.st_ino != before.st_ino


def test_a_symbolic_link_stays_and_its_target_is_replaced(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.mkdir()
    path = users(real)
    link = tmp_path / "link"
    link.symlink_to(path)
    provider(link).change_password("ann@example.org", Secret("new"), "r")
    assert link.is_symlink()
    assert b"{PLAIN}old" not in path.read_bytes()


def test_a_missing_file_may_come_back(tmp_path: Path) -> None:
    with pytest.raises(Temporary, match="cannot be changed"):
        provider(tmp_path / "nothing").change_password("ann", Secret("new"), "r")


def test_a_lock_of_another_program_is_respected(tmp_path: Path) -> None:
    path = users(tmp_path)
    with (tmp_path / "users.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(Temporary, match="locked by another program"):
            provider(path).change_password("ann@example.org", Secret("new"), "r")
    provider(path).change_password("ann@example.org", Secret("new"), "r")


def test_the_lock_belongs_to_who_owns_the_file(tmp_path: Path) -> None:
    path = users(tmp_path)
    if os.geteuid() == 0:
        os.chown(path, 12345, 12346)
    provider(path).change_password("ann@example.org", Secret("new"), "r")
    lock, file = (tmp_path / "users.lock").stat(), path.stat()
    assert (lock.st_uid, lock.st_gid) == (file.st_uid, file.st_gid)
    assert lock.st_mode & 0o777 == 0o640


def test_a_change_that_an_editor_without_the_lock_undoes_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = users(tmp_path)

    def write_back(_: float) -> None:
        path.write_bytes(CONTENT)

    monkeypatch.setattr("detector.response.passwd_file.time.sleep", write_back)
    with pytest.raises(Temporary, match="undid the change"):
        provider(path).change_password("ann@example.org", Secret("new"), "r")


def test_changes_at_the_same_time_are_all_kept(tmp_path: Path) -> None:
    accounts = [f"user{i}" for i in range(12)]
    path = users(tmp_path, b"".join(f"{a}:old:{a}\n".encode() for a in accounts))
    changing = provider(path)
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda a: changing.change_password(a, Secret("new"), a), accounts))
    lines = path.read_bytes().splitlines()
    assert [line.split(b":")[2].decode() for line in lines] == accounts
    assert all(line.split(b":")[1].startswith(b"{BLF-CRYPT}") for line in lines)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["users", "users.lock"]


def test_two_changes_within_a_second_differ_by_one(tmp_path: Path) -> None:
    path = users(tmp_path)
    seconds = []
    for _ in range(3):
        provider(path).change_password("ann@example.org", Secret("new"), "r")
        seconds.append(int(path.stat().st_mtime))
    assert len(set(seconds)) == 3


def test_check_changes_nothing_and_counts_users(tmp_path: Path) -> None:
    path = users(tmp_path)
    before = path.stat().st_ino
    assert provider(path).check() == f"passwd-file {path}: 5 users, can be changed"
    assert (path.stat().st_ino, path.read_bytes()) == (before, CONTENT)
    assert list(tmp_path.iterdir()) == [path]


def test_check_finds_a_lock_that_cannot_be_taken(tmp_path: Path) -> None:
    path = users(tmp_path)
    (tmp_path / "users.lock").symlink_to(path)
    with pytest.raises(ConfigError, match="cannot be changed by this user"):
        provider(path).check()


def test_check_tells_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be changed by this user"):
        provider(tmp_path / "nothing").check()
