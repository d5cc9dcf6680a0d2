from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from detector.state.shared_known import EMPTY, MOST_DOUBTS, NOT_THERE, TOKEN_BYTES, Known, account_of, key_of, known
from detector.state.shared_known import sealed as seal
from detector.traffic.packing import MOST_BYTES
from detector.traffic.profile import Profile

USED = replace(Profile(), suspicious_day=7)


@given(st.text())
def test_any_account_has_a_key_that_tells_it(account: str) -> None:
    assert account_of(key_of(account)) == account


def test_what_is_sealed_is_known_again() -> None:
    token, value = seal(USED)
    assert known("ann", value) == Known(USED, token)
    assert len(value) <= TOKEN_BYTES + MOST_BYTES


def test_two_changes_to_the_same_profile_have_different_tokens() -> None:
    assert seal(USED)[0] != seal(USED)[0]


def test_an_empty_profile_is_not_there() -> None:
    assert seal(Profile()) == (NOT_THERE, b"")
    assert known("ann", b"") == Known(EMPTY, NOT_THERE)


@given(st.binary(min_size=1))
def test_what_nobody_has_sealed_is_written_over(rubbish: bytes) -> None:
    assert known("ann", NOT_THERE + b"\xc1" + rubbish) == Known(EMPTY, NOT_THERE)


def test_of_doubtful_changes_the_last_ones_are_remembered_and_that_before_all_of_them() -> None:
    doubtful = Known(USED, b"confirmd")
    for number in range(MOST_DOUBTS + 2):
        doubtful = doubtful.in_doubt(b"doubt  %d" % number)
    assert doubtful == Known(USED, b"confirmddoubt  2doubt  3doubt  4", ahead=True)
