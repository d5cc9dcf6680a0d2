"""`detector accounts` as an operator types it."""

import pytest

from detector.cli.postfix_queue import commands
from detector.traffic.cohort import Cohort
from detector.verdict.verdict import Group
from tests.support.held_house import a_held_message
from tests.unit.cli.conftest import ANN, Keyboard


def test_an_account_is_shown_with_what_speaks_against_it(keyboard: Keyboard) -> None:
    keyboard.let_send(ANN, recipients=300)
    shown = keyboard.type("accounts", "show", ANN).output
    assert "Standing" in shown
    assert "first-time recipients in 10 minutes" in shown
    assert "score" in shown
    assert [f"{group} " in shown.splitlines()[-1] for group in Group] == [True] * len(Group)
    assert keyboard.read("accounts", "show", ANN)["traffic"]["recipients_24h"] > 250  # of 300: the count errs a little


def test_held_mail_of_an_account_is_not_overlooked(keyboard: Keyboard) -> None:
    records = keyboard.records()
    records.put_held(a_held_message("t1"))
    records.close()
    assert "1 message: detector held list --account ann@example.org" in keyboard.type("accounts", "show", ANN).output
    assert keyboard.read("accounts", "show", ANN)["held"] == 1


def test_an_account_that_sent_little_has_nothing_against_it(keyboard: Keyboard) -> None:
    keyboard.let_send(ANN, recipients=1)
    shown = keyboard.type("accounts", "show", ANN).output
    assert "Nothing speaks against it now" in shown
    assert "Learned from" in shown


def test_an_unknown_account_is_said_to_be_unknown_with_what_was_meant(keyboard: Keyboard) -> None:
    keyboard.let_send(ANN, recipients=1)
    answer = keyboard.type("accounts", "show", "anm@example.org")
    assert answer.status == 1
    assert answer.complaint == "detector: no mail of anm@example.org was seen so far; did you mean ann@example.org?\n"


def test_accounts_are_listed_blocked_ones_first(keyboard: Keyboard) -> None:
    keyboard.let_send("zoe@example.org", recipients=300)
    keyboard.let_send("bob@example.net", recipients=1)
    keyboard.open_incident()
    listed = keyboard.read("accounts", "list")
    assert [line["account"] for line in listed] == [ANN, "zoe@example.org", "bob@example.net"]
    assert [line["standing"] for line in listed] == ["blocked", "free", "free"]
    assert [line["account"] for line in keyboard.read("accounts", "list", "Example.ORG", "-n", "1")] == [ANN]
    assert "and 2 more accounts" in keyboard.type("accounts", "list", "-n", "1").output


def test_a_name_cannot_steer_the_terminal(keyboard: Keyboard) -> None:
    keyboard.let_send("ann\x1b[2J", recipients=1)
    assert "\x1b" not in keyboard.type("accounts", "list").output


def test_an_account_is_exempt_for_some_days_and_then_not_any_more(keyboard: Keyboard) -> None:
    keyboard.let_send(ANN, recipients=1)
    answer = keyboard.type("accounts", "exempt", ANN, "--days", "2", "--reason", "general meeting")
    assert answer.status == 0
    dossier = keyboard.read("accounts", "show", ANN)
    assert dossier["standing"] == "exempt"
    assert 1.9 * 86_400 < dossier["exemption"]["until"] - keyboard.now <= 2.1 * 86_400
    assert "general meeting" in keyboard.type("accounts", "show", ANN).output
    assert keyboard.type("accounts", "unexempt", ANN).status == 0
    assert keyboard.read("accounts", "show", ANN)["standing"] == "free"
    again = keyboard.type("accounts", "unexempt", ANN)
    assert (again.status, again.complaint) == (1, f"detector: {ANN} has no exemption\n")


def test_bulk_is_declared_shown_and_told_in_the_audit_log(keyboard: Keyboard) -> None:
    keyboard.let_send(ANN, recipients=60)
    ceilings = ("--recipients-per-hour", "100", "--recipients-per-day", "300")
    told = keyboard.read("accounts", "exempt", ANN, *ceilings, "--reason", "monthly letter")
    assert (told["until"], told["recipients_per_hour"], told["recipients_per_day"]) == (None, 100, 300)
    dossier = keyboard.read("accounts", "show", ANN)
    assert dossier["standing"] == "exempt"
    assert (dossier["exemption"]["recipients_per_hour"], dossier["exemption"]["recipients_per_day"]) == (100, 300)
    in_words = "until revoked, at most 100 recipients an hour and 300 a day"
    assert in_words in keyboard.type("accounts", "show", ANN).output
    noted = [entry["detail"] for entry in keyboard.read("audit", "list") if entry["action"] == "exempt"]
    assert noted == [f"{in_words}: monthly letter"]
    line = keyboard.read("accounts", "list")[0]
    assert (line["recipients_per_hour"], line["recipients_per_day"]) == (100, 300)
    assert "100/h 300/d" in keyboard.type("accounts", "list").output


def test_an_account_that_sends_more_than_declared_is_above_its_declaration(keyboard: Keyboard) -> None:
    keyboard.let_send(ANN, recipients=60)
    told = keyboard.type("accounts", "exempt", ANN, "--recipients-per-hour", "20", "--reason", "shop").output
    assert "exempt until revoked for at most 20 recipients an hour" in told
    assert keyboard.read("accounts", "show", ANN)["standing"] == "above its declaration"
    assert "above its declaration" in keyboard.type("accounts", "list").output


def test_an_exemption_ends_at_a_time_that_is_given(keyboard: Keyboard) -> None:
    words = ("accounts", "exempt", ANN, "--until", "2100-01-31T18:00", "--reason", "x")
    assert keyboard.read(*words, "--recipients-per-day", "2000")["until"] == 4105101600.0
    assert keyboard.type(*words).status == 2
    assert keyboard.type("accounts", "exempt", ANN, "--until", "2001-01-31", "--reason", "x").status == 2


def test_what_would_let_everything_pass_for_ever_is_refused(keyboard: Keyboard) -> None:
    answer = keyboard.type("accounts", "exempt", ANN, "--reason", "x")
    assert answer.status == 2
    assert "--recipients-per-day may hold until it is revoked" in " ".join(answer.complaint.replace("│", "").split())
    assert keyboard.read("accounts", "list") == []


def test_a_person_says_of_what_cohort_an_account_is_and_takes_it_back(keyboard: Keyboard) -> None:
    keyboard.let_send(ANN, recipients=1)
    assert "is organisation from now on" in keyboard.type("accounts", "cohort", ANN, "organisation").output
    assert keyboard.read("accounts", "show", ANN)["cohort"] == "organisation"
    assert "organisation, as a person said" in keyboard.type("accounts", "show", ANN).output
    assert [line["cohort"] for line in keyboard.read("accounts", "list")] == ["organisation"]
    assert keyboard.read("accounts", "cohort", ANN, "learned") == {"account": ANN, "cohort": "", "seen": True}
    assert keyboard.read("accounts", "show", ANN)["cohort"] == ""
    assert keyboard.type("accounts", "cohort", ANN, "robot").status == 2


def test_of_an_account_without_weeks_of_mail_it_is_said_that_it_counts_as_a_person(keyboard: Keyboard) -> None:
    keyboard.let_send(ANN, recipients=1)
    assert "person, until its own mail tells more" in keyboard.type("accounts", "show", ANN).output
    assert keyboard.read("accounts", "show", ANN)["traffic"]["learned_cohort"] == ""


def test_an_account_is_compared_with_its_like(keyboard: Keyboard) -> None:
    keyboard.let_send(ANN, recipients=60)
    before = keyboard.read("accounts", "show", ANN)["traffic"]["verdict"]["score"]
    keyboard.type("accounts", "cohort", ANN, "application")
    after = keyboard.read("accounts", "show", ANN)["traffic"]["verdict"]["score"]
    assert after < before - 1.0
    assert keyboard.read("accounts", "list")[0]["score"] == pytest.approx(after, abs=0.1)


def test_groups_that_are_silenced_say_nothing_here_either(keyboard: Keyboard) -> None:
    keyboard.let_send(ANN, recipients=60)
    assert "bulk +0.0" not in keyboard.type("accounts", "show", ANN).output
    with keyboard.config.open("a") as file:
        file.write('[judging]\nsilent_groups = ["bulk"]\n')
    assert "bulk +0.0" in keyboard.type("accounts", "show", ANN).output


def test_an_account_that_was_never_seen_can_be_of_a_cohort(keyboard: Keyboard) -> None:
    keyboard.let_send(ANN, recipients=1)
    told = keyboard.type("accounts", "cohort", "anm@example.org", "application").output
    assert "did you mean ann@example.org?" in told
    assert keyboard.read("accounts", "show", "anm@example.org")["cohort"] == "application"
    assert [line["account"] for line in keyboard.read("accounts", "list")] == ["anm@example.org", ANN]


def test_each_cohort_can_be_typed(keyboard: Keyboard) -> None:
    told = [keyboard.read("accounts", "cohort", ANN, word)["cohort"] for word in Cohort]
    assert told == list(Cohort)


def test_an_account_is_found_in_whatever_case_it_is_typed(keyboard: Keyboard) -> None:
    keyboard.let_send(ANN, recipients=1)
    keyboard.type("accounts", "exempt", "ANN@Example.ORG", "--days", "2", "--reason", "general meeting")
    assert keyboard.read("accounts", "show", "Ann@example.org")["standing"] == "exempt"
    assert keyboard.type("accounts", "unexempt", "ANN@example.org").status == 0
    keyboard.open_incident()
    keyboard.type("incidents", "confirm", "3f2a")
    keyboard.tell_step("done")
    assert len(keyboard.read("incidents", "list", "--account", "ANN@EXAMPLE.ORG")) == 1
    assert keyboard.type("accounts", "release", "ANN@example.org", "--reason", "scanned").status == 0


def test_an_account_that_was_never_seen_is_exempt_with_a_hint(keyboard: Keyboard) -> None:
    keyboard.let_send(ANN, recipients=1)
    answer = keyboard.type("accounts", "exempt", "anm@example.org", "--days", "1", "--reason", "ticket 1")
    assert answer.status == 0
    assert "no mail of anm@example.org was seen so far; did you mean ann@example.org?" in answer.output
    assert keyboard.read("accounts", "list", "anm")[0]["standing"] == "exempt"
    told = keyboard.read("accounts", "exempt", "anm@example.org", "--days", "1", "--reason", "ticket 1")
    assert told["seen"] is False


def test_why_an_exemption_was_ended_is_in_the_audit_log(keyboard: Keyboard) -> None:
    keyboard.type("accounts", "exempt", ANN, "--days", "1", "--reason", "ticket 1")
    keyboard.type("accounts", "unexempt", ANN, "--reason", "the mailing is over")
    entry = keyboard.read("audit", "list")[1]
    assert (entry["action"], entry["detail"]) == ("unexempt", "the mailing is over")


def test_an_exemption_of_a_blocked_account_says_that_it_is_blocked(keyboard: Keyboard) -> None:
    keyboard.open_incident()
    answer = keyboard.type("accounts", "exempt", ANN, "--days", "1", "--reason", "ticket 1")
    assert "blocked by incident 3f2a9c01d4e5f607" in answer.output


def test_a_reason_is_needed(keyboard: Keyboard) -> None:
    answer = keyboard.type("accounts", "exempt", ANN, "--days", "1", "--reason", "  ")
    assert answer.status == 2
    assert "a reason is needed" in answer.complaint
    assert keyboard.type("accounts", "exempt", ANN, "--days", "0", "--reason", "x").status == 2


def test_a_release_comes_after_a_confirmation(keyboard: Keyboard) -> None:
    keyboard.open_incident()
    early = keyboard.type("accounts", "release", ANN, "--reason", "scanned")
    assert early.status == 1
    assert "detector incidents confirm 3f2a9c01d4e5f607" in early.complaint
    keyboard.type("incidents", "confirm", "3f2a")
    keyboard.tell_step("done")
    assert "may send again" in keyboard.type("accounts", "release", ANN, "--reason", "scanned").output
    late = keyboard.type("accounts", "release", ANN, "--reason", "scanned")
    assert (late.status, late.complaint) == (1, f"detector: {ANN} is not blocked: there is nothing to release\n")


def test_a_release_waits_for_the_end_of_the_change_of_the_password(keyboard: Keyboard) -> None:
    keyboard.open_incident()
    keyboard.type("incidents", "confirm", "3f2a")
    keyboard.tell_step("retried")
    early = keyboard.type("accounts", "release", ANN, "--reason", "scanned")
    assert early.status == 1
    assert "still running: its password is not changed yet. Wait until" in early.complaint
    assert keyboard.read("accounts", "show", ANN)["standing"] == "blocked"
    keyboard.tell_step("failed")
    assert keyboard.type("accounts", "release", ANN, "--reason", "changed by hand").status == 0


def test_a_release_speaks_of_the_thiefs_mail_in_the_queue_and_of_the_password(keyboard: Keyboard) -> None:
    keyboard.open_incident()
    keyboard.tell_step("done")
    keyboard.type("incidents", "confirm", "3f2a")
    told = keyboard.type("accounts", "release", ANN, "--reason", "scanned").output
    assert "the customer needs a new one" in told
    assert "is delivered at the next attempt" in told
    assert all(command in told for command in commands(ANN))


def test_every_look_and_every_decision_is_in_the_audit_log(keyboard: Keyboard) -> None:
    keyboard.let_send(ANN, recipients=1)
    keyboard.type("accounts", "list", "ann")
    keyboard.type("accounts", "show", ANN)
    keyboard.type("accounts", "exempt", ANN, "--days", "1", "--reason", "ticket 1")
    records = keyboard.records()
    entries = records.audit_log()
    records.close()
    assert [(entry.action, entry.subject) for entry in entries] == [
        ("exempt", ANN),
        ("look at account", ANN),
        ("look at accounts", "ann"),
    ]
    assert all(entry.actor.startswith("olga (by ") for entry in entries)


@pytest.mark.parametrize("name", ["", "  "])
@pytest.mark.parametrize("command", [("exempt", "--days=1", "--reason=x"), ("unexempt",), ("cohort", "person")])
def test_nothing_is_decided_about_an_account_without_a_name(
    keyboard: Keyboard, command: tuple[str, ...], name: str
) -> None:
    verb, *rest = command
    answer = keyboard.type("accounts", verb, name, *rest)
    assert answer.status == 2
    assert "name an account" in answer.complaint
