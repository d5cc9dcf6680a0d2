import math
from pathlib import Path

import pytest

from detector.config import ConfigError, SecretSource
from detector.ports import Secret
from detector.response.secret import (
    ALPHABET,
    GROUP_LENGTH,
    GROUPS,
    harmless,
    new_code,
    new_password,
    new_salt,
    read_secret,
)


def test_a_password_has_more_than_128_bits() -> None:
    assert GROUPS * GROUP_LENGTH * math.log2(len(ALPHABET)) > 144


def test_a_password_can_be_typed_and_pleases_common_rules() -> None:
    for _ in range(200):
        text = new_password().text
        assert len(text) == 29
        assert set(text) <= set(ALPHABET) | {"-"}
        assert any(c.islower() for c in text)
        assert any(c.isupper() for c in text)
        assert any(c.isdigit() for c in text)


def test_no_two_passwords_are_alike() -> None:
    assert len({new_password().text for _ in range(1000)}) == 1000


def test_a_password_does_not_show_itself() -> None:
    password = new_password()
    assert password.text not in f"{password} {password!r}"


def test_a_secret_is_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("s3cret\n")
    path.chmod(0o640)
    assert read_secret(SecretSource(file=path)).text == "s3cret"


def test_a_secret_that_everybody_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("s3cret\n")
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="everybody may read"):
        read_secret(SecretSource(file=path))


def test_a_secret_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_secret(SecretSource(file=tmp_path / "nothing"))


def test_a_secret_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_SECRET", "s3cret")
    assert read_secret(SecretSource(environment="HOOK_SECRET")).text == "s3cret"
    monkeypatch.setenv("HOOK_SECRET", "")
    with pytest.raises(ConfigError, match="holds no secret"):
        read_secret(SecretSource(environment="HOOK_SECRET"))


@pytest.mark.parametrize("told", ["Ab3-Cd4", "Ab3Cd4", "Ab3_Cd4", "Ab3 Cd4"])
def test_what_others_complain_about_is_told_without_the_secret(told: str) -> None:
    assert harmless(f"\n bad password {told}\x07 for ann\nsecond line", Secret("Ab3-Cd4")) == (
        "bad password (secret)? for ann"
    )


def test_a_complaint_is_short_and_a_secret_without_letters_takes_nothing_away() -> None:
    assert harmless("x" * 1000, None, Secret("--")) == "x" * 200


def test_a_code_can_be_typed_and_no_two_are_alike() -> None:
    codes = {new_code() for _ in range(1000)}
    assert len(codes) == 1000
    assert all(len(code) == 14 and set(code) <= set(ALPHABET) | {"-"} for code in codes)
    assert new_salt() != new_salt()
