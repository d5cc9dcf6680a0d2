"""What leaves carries our tag, and nothing else of it is changed."""

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector import config
from detector.mail.path import parse_mail
from detector.mail.tag import TagKey, transaction_of, untagged
from detector.relay.tagging import Tagger, build_tagger, known_tag_keys, tag_keys

NOW, MONTH = 1_790_000_000.0, 2_592_000.0
KEY = TagKey.of(b"k" * 32)
BOTH = Tagger(KEY, "X-Transaction-Tag", in_envelope=True)


def settings(folder: Path, more: str = "") -> config.Config:
    return config.parse(f'state.directory = "{folder}"\n{more}')


def test_the_field_carries_a_tag_that_leads_to_the_transaction() -> None:
    name, _, value = BOTH.field("0123456789abcdef", NOW).decode("ascii").partition(": ")
    assert (name, value[-2:]) == ("X-Transaction-Tag", "\r\n")
    assert transaction_of(value, [KEY], NOW, MONTH) == "0123456789abcdef"


def test_the_sender_is_tagged_and_its_parameters_stay_word_for_word() -> None:
    argument = BOTH.mail("FROM:<ann@customer.example> SIZE=10 BODY=8BITMIME", "t1", NOW)
    assert argument.endswith("=ann@customer.example> SIZE=10 BODY=8BITMIME")
    own, tag = untagged(parse_mail(argument).address)
    assert (str(own), transaction_of(tag, [KEY], NOW, MONTH)) == ("ann@customer.example", "t1")


@pytest.mark.parametrize("argument", ["FROM:<>", "FROM:<> SIZE=1", "FROM:<@relay.example:ann@customer.example>"])
def test_no_sender_and_an_odd_one_stay_as_they_are(argument: str) -> None:
    assert BOTH.mail(argument, "t1", NOW) == argument


@given(st.from_regex(r"FROM:<[a-z.+=]{1,20}@[a-z]{1,9}\.example>( SIZE=[0-9]{1,5})?", fullmatch=True))
def test_without_a_key_nothing_is_marked(argument: str) -> None:
    assert Tagger().mail(argument, "t1", NOW) == argument
    assert (Tagger().field("t1", NOW), Tagger().strips) == (b"", frozenset())


def test_fields_of_our_name_that_come_in_are_removed() -> None:
    assert BOTH.strips == {"x-transaction-tag"}


def test_the_key_is_made_once_and_is_secret(tmp_path: Path) -> None:
    (made,) = tag_keys(settings(tmp_path))
    assert [made] == tag_keys(settings(tmp_path))
    assert stat.S_IMODE((tmp_path / "tag.key").stat().st_mode) == 0o600


def test_who_only_looks_makes_no_key(tmp_path: Path) -> None:
    assert known_tag_keys(settings(tmp_path)) == []
    assert not (tmp_path / "tag.key").exists()
    made = tag_keys(settings(tmp_path))
    assert known_tag_keys(settings(tmp_path)) == made


def test_configured_keys_are_used_the_newest_first(tmp_path: Path) -> None:
    new, old = tmp_path / "new", tmp_path / "old"
    new.write_text("11" * 32 + "\n")
    old.write_text("22" * 32 + "\n")
    new.chmod(0o640)
    old.chmod(0o600)
    keys = f'[feedback.tags]\nkeys = [{{ file = "{new}" }}, {{ file = "{old}" }}]\n'
    assert tag_keys(settings(tmp_path, keys)) == [TagKey.of(b"\x11" * 32), TagKey.of(b"\x22" * 32)]
    assert build_tagger(settings(tmp_path, keys)) == Tagger(TagKey.of(b"\x11" * 32), "X-Transaction-Tag")


def test_a_key_that_cannot_be_read_is_named_with_its_place(tmp_path: Path) -> None:
    keys = f'[feedback.tags]\nkeys = [{{ file = "{tmp_path}/none" }}]\n'
    with pytest.raises(config.ConfigError, match=r"feedback\.tags\.keys\[0\]"):
        tag_keys(settings(tmp_path, keys))


def test_tags_can_be_switched_off_and_then_need_no_key(tmp_path: Path) -> None:
    assert build_tagger(settings(tmp_path, "feedback.tags.in_header = false")) == Tagger()
    assert not (tmp_path / "tag.key").exists()


@pytest.mark.parametrize("name", ["Received", "X Tag", "X-Tag: x", "X-"])
def test_the_field_has_a_name_of_its_own(name: str) -> None:
    with pytest.raises(config.ConfigError, match="header field of ours"):
        config.parse(f'feedback.tags.header = "{name}"')
