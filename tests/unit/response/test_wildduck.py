from collections.abc import Iterator

import pytest

from detector.config import ConfigError
from detector.ports import Refused, Secret
from detector.response.secret import new_password
from tests.support.fake_wildduck import FakeWildduck

ANN, BOB = "ann@example.org", "bob@example.org"


@pytest.fixture
def wildduck() -> Iterator[FakeWildduck]:
    with FakeWildduck((ANN, BOB, "carl")) as wildduck:
        yield wildduck


def test_a_user_is_found_by_address_and_by_name(wildduck: FakeWildduck) -> None:
    wildduck.addresses.remove(BOB)  # a name that looks like an address
    for account in (ANN, BOB, "carl"):
        assert wildduck.provider().change_password(account, new_password(), "r") == "set in WildDuck"
    assert "old" not in wildduck.passwords.values()


@pytest.mark.parametrize("account", ["eve", "eve@example.org", "+++", ".."])
def test_a_user_who_is_not_there_is_named_so(wildduck: FakeWildduck, account: str) -> None:
    with pytest.raises(Refused, match=r"^no such account$"):
        wildduck.provider().end_sessions(account, "r")
    assert len(wildduck.sessions) == 3


def test_sessions_of_one_user_end(wildduck: FakeWildduck) -> None:
    for _ in range(2):
        assert wildduck.provider().end_sessions(ANN, "r") == "sessions ended in WildDuck"
    assert wildduck.sessions == {BOB, "carl"}


def test_all_app_passwords_of_one_user_are_revoked_also_those_that_expire(wildduck: FakeWildduck) -> None:
    wildduck.app_passwords = {"a" * 24: ANN, "b" * 24: BOB, "c" * 24: ANN}
    wildduck.expiring = {"c" * 24}
    assert wildduck.provider().revoke_app_passwords(ANN, "r") == "app passwords revoked in WildDuck: 2"
    assert wildduck.app_passwords == {"b" * 24: BOB}
    assert wildduck.provider().revoke_app_passwords(ANN, "r") == "there were no app passwords"


def test_an_app_password_that_went_meanwhile_is_no_failure(wildduck: FakeWildduck) -> None:
    resolved, listed = (
        (200, {"success": True, "user": "0" * 24}),
        (200, {"success": True, "results": [{"id": "f" * 24}]}),
    )
    wildduck.instead = [resolved, listed, (404, {"error": "Invalid or unknown ASP key", "code": "AspNotFound"})]
    assert wildduck.provider().revoke_app_passwords(ANN, "r") == "app passwords revoked in WildDuck: 1"


def test_a_value_that_the_server_repeats_is_not_told(wildduck: FakeWildduck) -> None:
    password = Secret("x" * 300)
    with pytest.raises(Refused, match=r"^localhost answered 400: InputValidationError$"):
        wildduck.provider().change_password(ANN, password, "r")


def test_a_token_that_is_wrong_or_lacks_a_role_is_the_operators_turn(wildduck: FakeWildduck) -> None:
    with pytest.raises(Refused, match="the access token is not accepted"):
        wildduck.provider("another").change_password(ANN, new_password(), "r")
    wildduck.privileged = False
    with pytest.raises(Refused, match="lacks the right"):
        wildduck.provider().end_sessions(ANN, "r")


@pytest.mark.parametrize("answer", [(200, {}), (200, {"success": False}), (200, b"ok")])
def test_only_success_is_success(wildduck: FakeWildduck, answer: tuple[int, object]) -> None:
    wildduck.instead = [(200, {"success": True, "user": "0" * 24}), answer]
    with pytest.raises(Refused, match="does not answer as documented"):
        wildduck.provider().change_password(ANN, new_password(), "r")
    wildduck.instead = [(200, {"success": True, "user": "0" * 24}), answer]
    with pytest.raises(Refused, match="does not answer as documented"):
        wildduck.provider().revoke_app_passwords(ANN, "r")


def test_a_check_counts_the_users(wildduck: FakeWildduck) -> None:
    assert wildduck.provider().check() == f"WildDuck {wildduck.url}: 3 users"
    wildduck.privileged = False
    with pytest.raises(ConfigError, match="lacks the right"):
        wildduck.provider().check()
