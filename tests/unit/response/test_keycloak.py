from collections.abc import Iterator

import pytest

from detector.config import ConfigError
from detector.ports import Refused, Secret, Temporary
from detector.response.secret import new_password
from tests.support.fake_keycloak import SECRET, FakeKeycloak

ANN, BOB = "ann@example.org", "bob@example.org"


@pytest.fixture
def keycloak() -> Iterator[FakeKeycloak]:
    with FakeKeycloak((ANN, BOB, "carl")) as keycloak:
        yield keycloak


def test_the_password_is_no_temporary_one(keycloak: FakeKeycloak) -> None:
    assert keycloak.provider().change_password(ANN, new_password(), "r") == "set in Keycloak"
    assert b'"temporary": false' in keycloak.requests[-1].body


def test_a_user_is_found_by_name_and_by_address_whatever_the_case(keycloak: FakeKeycloak) -> None:
    keycloak.emails = {"carl": "c.smith@example.org"}
    for account in ("CARL", "C.Smith@example.org"):
        password = new_password()
        keycloak.provider().change_password(account, password, "r")
        assert keycloak.passwords["carl"] == password.text


def test_another_user_who_only_contains_the_name_is_not_taken(keycloak: FakeKeycloak) -> None:
    keycloak.knows_exact = False  # before version 15
    with pytest.raises(Refused, match="no such account"):
        keycloak.provider().change_password("car", new_password(), "r")
    with pytest.raises(Refused, match="no such account"):
        keycloak.provider().end_sessions("ann@example", "r")
    assert set(keycloak.passwords.values()) == {"old"}


def test_two_users_for_one_login_are_not_guessed_at(keycloak: FakeKeycloak) -> None:
    keycloak.emails = {BOB: ANN}
    with pytest.raises(Refused, match="which of them"):
        keycloak.provider().change_password(ANN, new_password(), "r")
    assert set(keycloak.passwords.values()) == {"old"}


def test_sessions_of_one_user_end(keycloak: FakeKeycloak) -> None:
    for _ in range(2):
        assert keycloak.provider().end_sessions(ANN, "r") == "sessions ended in Keycloak"
    assert keycloak.sessions == {BOB, "carl"}


def test_a_policy_that_is_not_met_is_told_without_the_password(keycloak: FakeKeycloak) -> None:
    with pytest.raises(Refused, match=r"answered 400: invalidPasswordMinLengthMessage$"):
        keycloak.provider().change_password(ANN, Secret("short-one"), "r")


def test_a_client_that_is_not_known_is_the_operators_turn(keycloak: FakeKeycloak) -> None:
    with pytest.raises(Refused, match="the client's secret or its service account is not accepted") as caught:
        keycloak.provider("another").change_password(ANN, new_password(), "r")
    assert "another" not in str(caught.value)


def test_a_service_account_without_the_role_is_the_operators_turn(keycloak: FakeKeycloak) -> None:
    keycloak.may_manage = False
    with pytest.raises(Refused, match="lacks the right"):
        keycloak.provider().end_sessions(ANN, "r")
    with pytest.raises(ConfigError, match="lacks the right"):
        keycloak.provider().check()


def test_a_user_who_goes_meanwhile_is_no_account(keycloak: FakeKeycloak) -> None:
    token, found = (200, {"access_token": "t"}), (200, [{"id": "gone", "username": "carl"}])
    keycloak.instead = [token, found, (404, {"error": "User not found"})]
    with pytest.raises(Refused, match=r"^no such account$"):
        keycloak.provider().change_password("carl", new_password(), "r")


@pytest.mark.parametrize("answer", [(200, b"<html>"), (200, {}), (400, {"error": "unauthorized_client"})])
def test_no_token_is_no_success(keycloak: FakeKeycloak, answer: tuple[int, object]) -> None:
    keycloak.instead = [answer]
    with pytest.raises(Refused, match=f"answered {answer[0]}"):
        keycloak.provider().change_password(ANN, new_password(), "r")


def test_a_realm_that_is_not_there_is_refused(keycloak: FakeKeycloak) -> None:
    keycloak.instead = [(200, {"access_token": "t"}), (404, {"error": "Realm not found."})]
    with pytest.raises(Refused, match=r"answered 404: Realm not found\."):
        keycloak.provider().change_password("carl", new_password(), "r")


def test_a_server_in_trouble_is_asked_again(keycloak: FakeKeycloak) -> None:
    keycloak.instead = [(200, {"access_token": "t"}), (429, None)]
    with pytest.raises(Temporary):
        keycloak.provider().end_sessions(ANN, "r")


def test_a_check_counts_the_users(keycloak: FakeKeycloak) -> None:
    assert keycloak.provider().check() == f"Keycloak {keycloak.url}: realm customers has 3 users"
    keycloak.instead = [(200, {"access_token": "t"}), (200, {"not": "a number"})]
    with pytest.raises(ConfigError, match="does not answer as documented"):
        keycloak.provider().check()
    assert SECRET not in "".join(request.target for request in keycloak.requests)
