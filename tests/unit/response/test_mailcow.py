from collections.abc import Iterator

import pytest

from detector.config import ConfigError
from detector.ports import Refused, Secret, Temporary
from detector.response.secret import new_password
from tests.support.fake_mailcow import FakeMailcow

ANN, BOB = "ann@example.org", "bob@example.org"


@pytest.fixture
def mailcow() -> Iterator[FakeMailcow]:
    with FakeMailcow((ANN, BOB)) as mailcow:
        yield mailcow


def test_what_is_refused_with_200_is_no_success(mailcow: FakeMailcow) -> None:
    with pytest.raises(Refused, match=r"localhost answered 200: password_complexity$"):
        mailcow.provider().change_password(ANN, Secret("abc-d"), "r")
    assert mailcow.passwords[ANN] == "old"


def test_a_mailbox_that_is_not_there_is_named_so(mailcow: FakeMailcow) -> None:
    with pytest.raises(Refused, match=r"^no such account$"):
        mailcow.provider().change_password("eve@example.org", new_password(), "r")
    with pytest.raises(Refused, match=r"^no such account$"):
        mailcow.provider().revoke_app_passwords("eve@example.org", "r")


def test_a_password_that_is_kept_elsewhere_cannot_be_changed_here(mailcow: FakeMailcow) -> None:
    mailcow.authsource = "keycloak"
    with pytest.raises(Refused, match=r"elsewhere \(keycloak\)"):
        mailcow.provider().change_password(ANN, new_password(), "r")
    mailcow.authsource = None  # versions that know no other place
    mailcow.provider().change_password(ANN, new_password(), "r")
    assert mailcow.passwords[ANN] != "old"


def test_a_key_that_is_wrong_or_may_only_read_is_the_operators_turn(mailcow: FakeMailcow) -> None:
    with pytest.raises(Refused, match="the API key is not accepted"):
        mailcow.provider("another").change_password(ANN, new_password(), "r")
    mailcow.may_write = False
    with pytest.raises(Refused, match="lacks the right"):
        mailcow.provider().change_password(ANN, new_password(), "r")


@pytest.mark.parametrize("answer", [[], {}, "yes", [{"type": "success"}, {"type": "warning"}], None])
def test_only_success_is_success(mailcow: FakeMailcow, answer: object) -> None:
    mailcow.instead = [(200, {"username": ANN}), (200, answer)]
    with pytest.raises(Refused, match="does not answer as documented"):
        mailcow.provider().change_password(ANN, new_password(), "r")


def test_an_error_that_repeats_the_password_does_not_tell_it(mailcow: FakeMailcow) -> None:
    password = new_password()
    mailcow.instead = [(200, {"username": ANN}), (200, {"type": "error", "msg": f"bad value {password.text}"})]
    with pytest.raises(Refused, match=r"answered 200: bad value \(secret\)$"):
        mailcow.provider().change_password(ANN, password, "r")


def test_all_app_passwords_of_one_mailbox_are_revoked(mailcow: FakeMailcow) -> None:
    mailcow.app_passwords = {7: ANN, 8: BOB, 9: ANN}
    assert mailcow.provider().revoke_app_passwords(ANN, "r") == "app passwords revoked in mailcow: 2"
    assert mailcow.app_passwords == {8: BOB}
    assert mailcow.provider().revoke_app_passwords(ANN, "r") == "there were no app passwords"


def test_success_that_deleted_nothing_is_noticed(mailcow: FakeMailcow) -> None:
    mailcow.app_passwords = {7: ANN}
    mailcow.deletes_nothing = True
    with pytest.raises(Temporary, match="1 of 1 app passwords are still there"):
        mailcow.provider().revoke_app_passwords(ANN, "r")


def test_a_list_that_cannot_be_read_is_refused(mailcow: FakeMailcow) -> None:
    mailcow.instead = [(200, {"username": ANN}), (200, {"type": "error", "msg": "route not found"})]
    with pytest.raises(Refused, match="route not found"):
        mailcow.provider().revoke_app_passwords(ANN, "r")
    mailcow.instead = [(200, {"no": "name"})]
    with pytest.raises(Refused, match="does not answer as documented"):
        mailcow.provider().revoke_app_passwords(ANN, "r")


def test_a_check_asks_for_the_version(mailcow: FakeMailcow) -> None:
    assert mailcow.provider().check() == f"mailcow {mailcow.url}: version 2025-09"
    with pytest.raises(ConfigError, match="the API key is not accepted"):
        mailcow.provider("another").check()
