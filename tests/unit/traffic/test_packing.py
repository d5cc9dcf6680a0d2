"""A profile is never larger than 4 KB, comes back as it was, and garbage is refused."""

from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.mail.transaction import RecipientStatus, Stream, Transaction
from detector.traffic.packing import MOST_BYTES, pack, unpack
from detector.traffic.profile import Profile
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
        )
        profile = lived(profile, one, now, policy)
        assert len(pack(profile)) <= MOST_BYTES
    assert len(pack(profile)) > 3000


def test_an_account_with_fifty_contacts_is_small(policy: Policy) -> None:
    profile = Profile()
    for number in range(50):
        profile = lived(profile, transaction(number), 1.8e9 + number * 40_000.0, policy)
    assert len(pack(profile)) < 1000


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
    except ValueError:
        return
    lived(profile, transaction(2), 1.8e9, policy)


def test_a_profile_of_an_older_version_without_the_last_fields_is_read(policy: Policy) -> None:
    profile = lived(Profile(), transaction(1), 1.8e9, policy)
    fields = msgspec.msgpack.decode(pack(profile))
    older = unpack(msgspec.msgpack.encode(fields[:-2]))
    assert older.known == profile.known
    assert older.window == Profile().window
