from collections.abc import Iterator

import pytest

from detector.config import ConfigError
from detector.ports import Refused, Secret
from detector.response.secret import new_password
from tests.support.fake_cpanel import FakeCpanel

ANN, BOB = "ann@example.org", "bob@example.net"


@pytest.fixture
def cpanel() -> Iterator[FakeCpanel]:
    with FakeCpanel((ANN, BOB)) as cpanel:
        yield cpanel


@pytest.mark.parametrize("wrapped", [False, True])
def test_the_password_goes_in_the_body_and_to_the_owner_of_the_domain(cpanel: FakeCpanel, wrapped: bool) -> None:
    cpanel.wrapped = wrapped
    password = new_password()
    assert cpanel.provider().change_password(ANN, password, "r") == "set in cPanel"
    assert cpanel.passwords == {ANN: password.text, BOB: "old"}
    assert not [request for request in cpanel.requests if password.text in request.target]


@pytest.mark.parametrize("account", ["eve@example.org", "ann@elsewhere.example"])
def test_a_mailbox_that_is_not_there_is_named_so(cpanel: FakeCpanel, account: str) -> None:
    with pytest.raises(Refused, match=r"^no such account$"):
        cpanel.provider().change_password(account, new_password(), "r")


@pytest.mark.parametrize("account", ["ann", "@example.org"])
def test_a_login_without_a_domain_is_no_mailbox(cpanel: FakeCpanel, account: str) -> None:
    with pytest.raises(Refused, match="has an address as its login"):
        cpanel.provider().change_password(account, new_password(), "r")
    assert cpanel.requests == []


def test_a_complaint_is_told_without_the_password(cpanel: FakeCpanel) -> None:
    with pytest.raises(Refused, match=r"answered 200: Sorry, “\(secret\)” is too weak"):
        cpanel.provider().change_password(ANN, Secret("a-b9"), "r")


def test_a_token_that_is_wrong_or_lacks_a_privilege_is_the_operators_turn(cpanel: FakeCpanel) -> None:
    with pytest.raises(Refused, match="the API token is not accepted"):
        cpanel.provider("another").change_password(ANN, new_password(), "r")
    cpanel.privileged = False
    with pytest.raises(Refused, match=r"You do not have permission to do this\."):
        cpanel.provider().change_password(ANN, new_password(), "r")


@pytest.mark.parametrize(
    "answer",
    [{}, {"metadata": {"result": 1}}, {"metadata": {"result": 1}, "data": {"uapi": {"status": 0, "errors": None}}}],
)
def test_only_success_is_success(cpanel: FakeCpanel, answer: object) -> None:
    cpanel.instead = [(200, {"metadata": {"result": 1}, "data": {"user": "customer"}}), (200, answer)]
    with pytest.raises(Refused, match=r"does not answer as documented|answered 200"):
        cpanel.provider().change_password(ANN, new_password(), "r")


def test_an_error_page_is_refused(cpanel: FakeCpanel) -> None:
    cpanel.instead = [(404, b"<html>")]
    with pytest.raises(Refused, match="answered 404"):
        cpanel.provider().change_password(ANN, new_password(), "r")


def test_a_check_asks_for_the_version(cpanel: FakeCpanel) -> None:
    assert cpanel.provider().check() == f"cPanel {cpanel.url}: version 11.128.0.10"
    with pytest.raises(ConfigError, match="the API token is not accepted"):
        cpanel.provider("another").check()
