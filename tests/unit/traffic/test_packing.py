"""A profile is never larger than 4 KB, comes back as it was, and garbage is refused."""

from math import isfinite
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from detector.mail.content import Content
from detector.mail.transaction import RecipientStatus, Stream, Transaction
from detector.traffic.baseline import Today
from detector.traffic.complainers import MOST as MOST_COMPLAINERS
from detector.traffic.complainers import Complainers
from detector.traffic.habits import Habits, Seen
from detector.traffic.memory import Counted, KnownRecipients
from detector.traffic.packing import MOST_BYTES, pack, unpack
from detector.traffic.profile import Profile
from detector.traffic.reached import MOST_BYTES as MOST_BYTES_OF_A_DAY
from detector.traffic.texts import MOST_TEXTS, Text, Texts
from detector.traffic.window import MOST_BUCKETS, Bucket, Window
from detector.verdict.admit import admit, settle
from detector.verdict.judge import judge
from detector.verdict.policy import Policy
from tests.histories import transaction, transactions

times = st.floats(min_value=0.0, max_value=4e9)


def lived(profile: Profile, transaction: Transaction, now: float, policy: Policy) -> Profile:
    for recipient in transaction.recipients:
        profile, _ = admit(profile, recipient.address, now, policy)
    profile, _ = judge(profile, transaction, now, policy)
    return settle(profile, transaction, True, now, policy)


@settings(deadline=None)
@given(st.lists(st.tuples(transactions, times), max_size=15))
def test_whatever_happened_comes_back(policy: Policy, history: list[tuple[Transaction, float]]) -> None:
    profile = Profile()
    for one, now in history:
        profile = lived(profile, one, now, policy)
    packed = pack(profile)
    assert len(packed) <= MOST_BYTES
    assert unpack(packed) == profile


def content(chance: Random) -> Content:
    """Every message another text, by another program, read as more or less bad."""
    return Content(
        chance.getrandbits(64),
        tuple(chance.getrandbits(64) for _ in range(4)),
        chance.randbytes(32),
        surprise=chance.expovariate(1.0),
        program=f"program {chance.randrange(100)}",
        author=f"{chance.randrange(100)}@customer.example",
    )


@pytest.mark.parametrize("seed", range(3))
def test_a_full_profile_fits(policy: Policy, seed: int) -> None:
    chance, profile, now = Random(seed), Profile(), 1.8e9
    for number in range(4000):
        now += chance.expovariate(1 / 300.0)
        one = transaction(
            number,
            [
                (f"{chance.random()}@d{chance.randrange(99)}.example", chance.choice(list(RecipientStatus)))
                for _ in range(3)
            ],
            client=f"192.{chance.randrange(256)}.{chance.randrange(256)}.1",
            mail_from=f"{chance.randrange(50)}@customer.example",
            stream=chance.choice(list(Stream)),
            content=content(chance) if chance.random() < 0.7 else None,
        )
        profile = lived(profile, one, now, policy)
        assert len(pack(profile)) <= MOST_BYTES
    assert len(pack(profile)) > 3000


def test_an_account_with_fifty_contacts_is_small(policy: Policy) -> None:
    profile = Profile()
    for number in range(50):
        profile = lived(profile, transaction(number), 1.8e9 + number * 40_000.0, policy)
    assert len(pack(profile)) < 1500


def test_of_an_account_that_fills_every_field_the_recipients_not_needed_for_longest_are_forgotten() -> None:
    hashes = bytes(number % 251 for number in range(3 * KnownRecipients.MOST_ENTRIES))
    habits = Habits(tuple(Seen(2**32 - number, 2**32, 2**32) for number in range(1, 13)))
    bucket = Bucket(2**32, 2**32, 2**64 - 1)
    text = Text(2**32 - 1, bytes(range(32)), 0.5, 0.5, 0.5, owners=True)
    profile = Profile(
        known=KnownRecipients(hashes),
        counted=Counted(bytes(3 * Counted.MOST_ENTRIES)),
        today=Today(reached=bytes(MOST_BYTES_OF_A_DAY), reached_before=bytes(MOST_BYTES_OF_A_DAY)),
        networks=habits,
        reverse_paths=habits,
        programs=habits,
        window=Window(0.5, 0.5, 0.5, (bucket,) * MOST_BUCKETS, (bucket,) * MOST_BUCKETS, 2**32),
        texts=Texts((text,) * MOST_TEXTS),
        complainers=Complainers(bytes(4 * MOST_COMPLAINERS), 0.5, 0.5),
        heard=2**40,
    )
    kept = unpack(pack(profile))
    assert len(pack(profile)) <= MOST_BYTES
    assert kept == replace(profile, known=kept.known)
    assert hashes.endswith(kept.known.hashes)
    assert len(kept.known.hashes) > 3 * 50


@given(st.binary(max_size=300))
def test_garbage_is_refused(garbage: bytes) -> None:
    with pytest.raises(ValueError, match="not a packed profile"):
        unpack(garbage)


@given(st.data())
def test_a_damaged_profile_is_refused_or_can_be_judged(policy: Policy, data: st.DataObject) -> None:
    packed = bytearray(pack(lived(Profile(), transaction(1), 1.8e9, policy)))
    place = data.draw(st.integers(min_value=0, max_value=len(packed) - 1))
    packed[place] = data.draw(st.integers(min_value=0, max_value=255))
    try:
        profile = unpack(bytes(packed))
    except ValueError as refused:
        assert str(refused).startswith("not a packed profile: ")  # noqa: PT017 - or it is a profile
        return
    after, verdict = judge(profile, transaction(2), 1.8e9, policy)
    assert isfinite(verdict.score)
    assert len(pack(settle(after, transaction(2), True, 1.8e9, policy))) <= MOST_BYTES


def test_a_profile_of_an_older_version_without_the_last_fields_is_read(policy: Policy) -> None:
    profile = lived(Profile(), transaction(1), 1.8e9, policy)
    fields = msgspec.msgpack.decode(pack(profile))
    older = unpack(msgspec.msgpack.encode(fields[:-2]))
    assert older == replace(profile, **{name: getattr(Profile(), name) for name in Profile.__struct_fields__[-2:]})


def test_a_profile_that_counts_something_else_is_refused() -> None:
    fields = msgspec.msgpack.decode(pack(Profile()))
    with pytest.raises(ValueError, match="not a packed profile"):
        unpack(msgspec.msgpack.encode(["profile", *fields[1:]]))
