"""A tag ties a report to a transaction, and only we can make one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.mail.address import Address
from detector.mail.tag import DAY, Refusal, TagKey, best_of, tag_of, tagged, transaction_of, untagged

NOW = 1_790_000_000.0
KEY, OTHER = TagKey.of(b"k" * 32), TagKey.of(b"o" * 32)
IDS = st.text(alphabet="0123456789abcdef", min_size=16, max_size=16)
TAG = tag_of("0123456789abcdef", NOW, KEY)


@given(IDS, st.floats(0, 4e9), st.floats(0, 30 * DAY))
def test_a_tag_leads_to_its_transaction_for_as_long_as_it_lives(transaction_id: str, now: float, later: float) -> None:
    assert transaction_of(tag_of(transaction_id, now, KEY), [OTHER, KEY], now + later, 30 * DAY) == transaction_id


def test_an_old_tag_ties_nothing_and_neither_does_one_from_the_future() -> None:
    assert transaction_of(TAG, [KEY], NOW + 32 * DAY, 30 * DAY) is Refusal.EXPIRED
    assert transaction_of(TAG, [KEY], NOW - 3 * DAY, 30 * DAY) is Refusal.EXPIRED


@given(st.integers(0, len(TAG) - 1), st.sampled_from("0123456789abcdefghijklmnopqrstuvwxyz.-"))
def test_a_tag_with_one_other_character_ties_nothing(place: int, character: str) -> None:
    changed = TAG[:place] + character + TAG[place + 1 :]
    assert changed == TAG or isinstance(transaction_of(changed, [KEY], NOW, 30 * DAY), Refusal)


def test_who_changes_the_transaction_has_forged_it() -> None:
    changed = TAG.replace("0123456789abcdef", "0123456789abcdee")
    assert transaction_of(changed, [KEY], NOW, 30 * DAY) is Refusal.FORGED


def test_the_signature_of_another_key_under_our_name_is_forged() -> None:
    stranger = TagKey(KEY.key_id, b"x" * 32)
    assert transaction_of(tag_of("0123456789abcdef", NOW, stranger), [KEY], NOW, 30 * DAY) is Refusal.FORGED


@pytest.mark.parametrize("text", ["", "hello", TAG[:-1], TAG + "a", tag_of("0" * 16, NOW, OTHER), "é" * 40])
def test_what_is_not_ours_is_foreign(text: str) -> None:
    assert transaction_of(text, [KEY], NOW, 30 * DAY) is Refusal.FOREIGN


def test_an_older_key_is_still_believed() -> None:
    assert transaction_of(TAG, [OTHER, KEY], NOW, 30 * DAY) == "0123456789abcdef"


def test_a_tag_of_mail_that_left_before_signatures_were_changed_still_ties() -> None:
    assert (
        transaction_of("19.50ed.0123456789abcdef.apcqztlgev3iulp7", [OTHER, KEY], NOW, 30 * DAY) == "0123456789abcdef"
    )


def test_a_server_that_folds_case_does_no_harm() -> None:
    assert transaction_of(f" {TAG.upper()} ", [KEY], NOW, 30 * DAY) == "0123456789abcdef"


def test_the_signature_has_80_bits_and_the_secret_is_not_shown() -> None:
    assert len(TAG.rpartition(".")[2]) * 5 == 80
    assert "kkk" not in repr(KEY)


def test_of_several_tags_the_first_that_ties_counts_and_a_forged_one_is_told() -> None:
    assert best_of([Refusal.FOREIGN, "t1", Refusal.FORGED]) == "t1"
    assert best_of([Refusal.FOREIGN, Refusal.FORGED, Refusal.EXPIRED]) is Refusal.FORGED
    assert best_of([]) is Refusal.FOREIGN


@pytest.mark.parametrize("text", ["ann@customer.example", "a+b=c@customer.example", "bt=x=y@customer.example"])
def test_the_tag_of_an_envelope_sender_is_undone(text: str) -> None:
    address = Address.parse(text)
    assert untagged(tagged(address, TAG)) == (address, TAG)
    assert untagged(address) == (address, "")


@pytest.mark.parametrize("text", ["", '"ann b"@customer.example', f"{'a' * 30}@customer.example"])
def test_a_sender_that_cannot_carry_a_tag_stays_as_it_is(text: str) -> None:
    address = Address.parse(text)
    assert tagged(address, TAG) == address


def test_a_sender_is_tagged_once() -> None:
    once = tagged(Address.parse("ann@a.example"), TAG)
    assert tagged(once, TAG) == once
    assert len(once.local_part) <= 64
