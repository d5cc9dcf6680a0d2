"""A memory knows the last ones, forgets the oldest, and hardly ever takes a stranger for a friend."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.traffic.memory import LONGEST_WAIT, Counted, KnownRecipients

KEY = b"key"


def hashes(count: int, name: str = "user") -> list[bytes]:
    return [KnownRecipients.hashed(f"{name}{number}@example.org", KEY) for number in range(count)]


@given(st.lists(st.binary(min_size=3, max_size=3), max_size=300))
def test_whoever_was_added_is_known(texts: list[bytes]) -> None:
    memory = KnownRecipients()
    for text in texts:
        memory = memory.add(text)
        assert text in memory
    assert all(text in memory for text in texts)
    assert len(memory.hashes) == 3 * len(set(texts))


def test_the_oldest_are_forgotten_first() -> None:
    memory = KnownRecipients()
    added = hashes(KnownRecipients.MOST_ENTRIES + 10)
    for one in added:
        memory = memory.add(one)
    assert not any(one in memory for one in added[:10])
    assert all(one in memory for one in added[10:])


def test_a_friend_who_is_written_to_stays_known() -> None:
    friend, *others = hashes(5 * KnownRecipients.MOST_ENTRIES)
    memory = KnownRecipients().add(friend)
    for number, one in enumerate(others):
        memory = memory.add(one)
        if number % 100 == 0:
            memory = memory.add(friend)
    assert friend in memory


def test_adding_a_recent_one_again_changes_nothing() -> None:
    memory = KnownRecipients()
    for one in hashes(KnownRecipients.MOST_ENTRIES):
        memory = memory.add(one)
    assert memory.add(hashes(KnownRecipients.MOST_ENTRIES)[-1]) is memory


def test_strangers_are_strangers_even_to_a_full_memory() -> None:
    memory = KnownRecipients()
    for one in hashes(KnownRecipients.MOST_ENTRIES):
        memory = memory.add(one)
    mistaken = sum(one in memory for one in hashes(20_000, "stranger"))
    assert mistaken <= 6  # 0.9 are expected


def test_a_hash_across_two_others_is_not_found() -> None:
    memory = KnownRecipients().add(b"abc").add(b"def")
    assert b"cde" not in memory
    assert b"def" in memory


@pytest.mark.parametrize("ago", range(LONGEST_WAIT + 2))
def test_since_when_a_message_is_counted_is_known_for_as_long_as_servers_try(ago: int) -> None:
    message = Counted.hashed("message", KEY)
    memory = Counted().add(Counted.stamped(message, 20_000))
    assert memory.since(message, 20_000 + ago) == (ago if ago < LONGEST_WAIT else None)
    assert memory.since(Counted.hashed("another", KEY), 20_000 + ago) is None


def test_another_key_knows_nobody() -> None:
    memory = KnownRecipients().add(KnownRecipients.hashed("bob@example.org", b"one"))
    assert KnownRecipients.hashed("bob@example.org", b"other") not in memory


def test_an_address_that_is_not_utf8_is_remembered_too() -> None:
    hashed = KnownRecipients.hashed("b\udcffb@example.org", KEY)
    assert hashed in KnownRecipients().add(hashed)


def test_a_shorter_memory_lost_its_oldest_entries_and_no_half_one() -> None:
    memory = KnownRecipients()
    added = hashes(10)
    for one in added:
        memory = memory.add(one)
    assert memory.shorter(0) == memory
    assert [one in memory.shorter(4) for one in added] == [False] * 2 + [True] * 8
    assert memory.shorter(1000).hashes == b""
