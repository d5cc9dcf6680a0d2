"""A customer who has proved who he is gets a password that is shown once and kept nowhere."""

import bcrypt
import pytest

from detector.incident.incident import Event
from tests.unit.cli.conftest import ANN, Keyboard

INCIDENT = "3f2a77aa"
VERIFIED = ("--verified", "called back on the number of the contract")


@pytest.fixture
def with_provider(keyboard: Keyboard) -> Keyboard:
    users = keyboard.directory / "users"
    users.write_text(f"{ANN}:{{BLF-CRYPT}}old:1000:1000\n", "utf-8")
    with keyboard.config.open("a", encoding="utf-8") as file:
        file.write(f'[response.password]\nprovider = "passwd-file"\npath = "{users}"\n')
    return keyboard


def audited(keyboard: Keyboard) -> list[tuple[str, str, str]]:
    records = keyboard.records()
    try:
        return [(entry.action, entry.subject, entry.detail) for entry in records.audit_log()]
    finally:
        records.close()


def test_the_password_that_is_shown_is_the_one_that_works(with_provider: Keyboard) -> None:
    password = with_provider.read("password", "issue", ANN, *VERIFIED)["password"]
    hashed = (with_provider.directory / "users").read_text("utf-8").split(":")[1].removeprefix("{BLF-CRYPT}")
    assert bcrypt.checkpw(password.encode(), hashed.encode())


def test_how_the_customer_was_verified_is_audited_and_the_password_is_not(with_provider: Keyboard) -> None:
    password = with_provider.read("password", "issue", ANN, *VERIFIED)["password"]
    assert ("issue password", ANN, VERIFIED[1]) in audited(with_provider)
    state = with_provider.directory / "state"
    assert not [file for file in state.rglob("*") if file.is_file() and password.encode() in file.read_bytes()]


def test_a_pipe_gets_no_password_by_accident(with_provider: Keyboard) -> None:
    answer = with_provider.type("password", "issue", ANN, *VERIFIED)
    assert (answer.status, answer.output) == (1, "")
    assert "no terminal" in answer.complaint


def test_without_a_verification_nothing_happens(with_provider: Keyboard) -> None:
    assert with_provider.type("password", "issue", ANN, "--verified", " ", "--json").status == 2
    assert audited(with_provider) == []


def test_a_store_that_does_not_know_the_account_is_told_and_audited(with_provider: Keyboard) -> None:
    answer = with_provider.type("password", "issue", "nobody@example.org", *VERIFIED, "--json")
    assert answer.status == 1
    assert "issue password failed" in [action for action, _, _ in audited(with_provider)]


def test_without_a_provider_the_operator_hears_what_to_configure(keyboard: Keyboard) -> None:
    answer = keyboard.type("password", "issue", ANN, *VERIFIED, "--json")
    assert (answer.status, "[response.password]" in answer.complaint) == (1, True)


def test_while_the_containment_has_not_changed_the_password_nobody_gets_a_new_one(with_provider: Keyboard) -> None:
    with_provider.open_incident(INCIDENT)
    answer = with_provider.type("password", "issue", ANN, *VERIFIED, "--json")
    assert (answer.status, f"incidents show {INCIDENT}" in answer.complaint) == (1, True)
    with_provider.tell_step("done", incident_id=INCIDENT)
    assert with_provider.read("password", "issue", ANN, *VERIFIED)["blocked"] == INCIDENT


def test_where_the_change_was_given_up_a_person_may_set_one(with_provider: Keyboard) -> None:
    with_provider.open_incident(INCIDENT)
    records = with_provider.records()
    records.apply(INCIDENT, Event.STEPS_DONE, with_provider.now, "detector")
    records.close()
    assert with_provider.read("password", "issue", ANN, *VERIFIED)["password"]


def test_login_servers_forget_the_old_password_and_who_cannot_be_reached_is_told(with_provider: Keyboard) -> None:
    told = with_provider.directory / "told"
    text = with_provider.config.read_text("utf-8")

    def sessions(*argv: str) -> None:
        words = ", ".join(f'"{word}"' for word in argv)
        with_provider.config.write_text(f'{text}[response.sessions]\nprovider = "command"\nargv = [{words}]\n', "utf-8")

    sessions("/usr/bin/tee", str(told))
    assert with_provider.read("password", "issue", ANN, *VERIFIED)["problem"] == ""
    assert ANN in told.read_text("utf-8")
    sessions("/bin/false")
    assert with_provider.read("password", "issue", ANN, *VERIFIED)["problem"] != ""


def test_a_colleague_reads_that_the_customer_has_a_new_password(with_provider: Keyboard) -> None:
    with_provider.open_incident(INCIDENT)
    with_provider.tell_step("done", incident_id=INCIDENT)
    assert "the customer needs a new one" in with_provider.type("incidents", "dismiss", INCIDENT).output
    with_provider.read("password", "issue", ANN, *VERIFIED)
    page = with_provider.type("incidents", "show", INCIDENT).output
    assert "password issued" in page
    assert "the customer needs a new one" not in page
