"""What an operator sees and does: each command, with files and records as a server leaves them."""

import json
from pathlib import Path

import pytest

from detector.config import load
from detector.records.held_entries import HeldDecision, HeldMessage, HeldSelection, HeldState
from detector.relay.held_files import HeldFiles
from detector.relay.held_keys import load_keys
from tests.support.held_house import a_held_message
from tests.support.mail_to import ANN
from tests.unit.cli.conftest import Answer, Keyboard

CONTENT = b"Received: from pc\r\nSubject: summer fair\r\n\r\n..a dot\r\nbring cake\r\n"


@pytest.fixture
def desk(keyboard: Keyboard) -> Keyboard:
    """Two messages of Ann and one of Ben."""
    put(keyboard, a_held_message("aa11", spool="here", fingerprint="f00d"))
    put(keyboard, a_held_message("aa22", spool="here", fingerprint="f00d"))
    put(keyboard, a_held_message("bb33", spool="here", account="ben@example.org"))
    return keyboard


def files_of(keyboard: Keyboard) -> HeldFiles:
    config = load(keyboard.config)
    config.hold_directory.mkdir(exist_ok=True)
    (config.hold_directory / "id").write_text("here", "ascii")
    return HeldFiles(config.hold_directory, load_keys(config))


def put(keyboard: Keyboard, message: HeldMessage) -> None:
    writer = files_of(keyboard).create(message.message_id)
    writer.write(CONTENT)
    writer.commit()
    records = keyboard.records()
    records.put_held(message)
    records.close()


def state(keyboard: Keyboard, message_id: str) -> HeldState:
    records = keyboard.records()
    message = records.held(message_id)
    records.close()
    assert message is not None
    return message.state


def audited(keyboard: Keyboard) -> list[tuple[str, str, str]]:
    return [(one["action"], one["subject"], one["detail"]) for one in keyboard.read("audit", "list")]


def refused(answer: Answer) -> str:
    assert answer.status == 1, answer
    return answer.complaint


def test_the_list_names_what_waits_and_no_recipient(desk: Keyboard) -> None:
    output = desk.type("held", "list").output
    assert all(word in output for word in ("aa11", "aa22", "bb33", ANN, "f00d", "held"))
    assert "bob@example.net" not in output
    assert [line["message_id"] for line in desk.read("held", "list", "--account", ANN.upper())] == ["aa11", "aa22"]


def test_a_message_without_its_file_is_shown_as_damaged(desk: Keyboard) -> None:
    files_of(desk).path("aa22").unlink()
    assert [line["damaged"] for line in desk.read("held", "list")] == [False, True, False]
    assert "damaged" in desk.type("held", "list").output
    assert "is missing" in refused(desk.type("held", "show", "aa22"))


def test_a_message_that_has_ended_is_still_explained_and_its_content_is_gone(desk: Keyboard) -> None:
    files_of(desk).path("aa22").unlink()
    records = desk.records()
    records.decide_held(HeldSelection("aa22"), HeldDecision.DISCARD, "olga", 5.0, "an offer")
    records.held_erased(["aa22"])
    records.close()
    output = desk.type("held", "show", "aa22").output
    assert all(word in output for word in ("discarded", "by olga: an offer", "bob@example.net", "erased with its file"))
    assert desk.read("held", "show", "aa22")["headers"] == []
    assert "its file was erased" in refused(desk.type("held", "show", "aa22", "--content", "--reason", "asked"))


def test_no_id_is_no_message(desk: Keyboard) -> None:
    assert "name a message" in refused(desk.type("held", "show", ""))


def test_show_tells_headers_recipients_and_why_but_no_content(desk: Keyboard) -> None:
    output = desk.type("held", "show", "aa11").output
    assert "Subject: summer fair" in output
    assert "bob@example.net" in output
    assert "recipients in 24 hours" in output
    assert "detector held release aa11" in output
    assert "bring cake" not in output
    assert ("look at held message", "aa11", "") in audited(desk)


def test_content_is_shown_for_a_reason_that_is_in_the_audit_log(desk: Keyboard) -> None:
    assert "needs a reason" in refused(desk.type("held", "show", "aa11", "--content"))
    shown = desk.type("held", "show", "aa11", "--content", "--reason", "ticket 4711").output
    assert "\n.a dot\n" in shown
    assert ("read held message", "aa11", "ticket 4711") in audited(desk)
    document = desk.read("held", "show", "aa11", "--content", "--reason", "ticket 4711")
    assert document["content"].endswith("\r\n.a dot\r\nbring cake\r\n")
    assert document["headers"][1] == ["Subject", "summer fair"]


def test_a_message_is_released_or_discarded_by_the_beginning_of_its_id(desk: Keyboard) -> None:
    assert "1 message will be sent" in desk.type("held", "release", "b").output
    assert state(desk, "bb33") is HeldState.RELEASING
    assert "1 message discarded" in desk.type("held", "discard", "bb", "--reason", "no").output
    assert state(desk, "bb33") is HeldState.DISCARDED
    assert ("held discard", "message bb33", "1 message: no") in audited(desk)


def test_an_id_that_is_none_or_not_the_only_one_is_refused(desk: Keyboard) -> None:
    assert "there is no held message zz" in refused(desk.type("held", "release", "zz"))
    assert "more than one held message begins with aa: aa11, aa22" in refused(desk.type("held", "release", "aa"))
    assert "there is no incident zz" in refused(desk.type("held", "release", "--incident", "zz"))
    assert "say which" in refused(desk.type("held", "discard"))


def test_more_than_one_message_is_asked_about_unless_yes(desk: Keyboard) -> None:
    assert desk.type("held", "discard", "--fingerprint", "f00d", typed="n\n").status == 1
    assert state(desk, "aa11") is HeldState.HELD
    answer = desk.type("held", "discard", "--fingerprint", "f00d", typed="y\n")
    assert "discard 2 messages (fingerprint f00d)?" in answer.complaint
    assert state(desk, "aa11") is HeldState.DISCARDED
    assert desk.read("held", "release", "--account", "ben@example.org", "--yes") == {
        "decision": "release",
        "messages": 1,
    }


def test_what_is_in_doubt_goes_only_when_it_is_said_again(desk: Keyboard) -> None:
    put(desk, a_held_message("dd44", spool="here", state=HeldState.IN_DOUBT))
    assert "--again sends it all the same" in refused(desk.type("held", "release", "dd44"))
    assert "detector held release dd44 --again" in desk.type("held", "show", "dd44").output
    desk.type("held", "release", "dd44", "--again")
    assert state(desk, "dd44") is HeldState.RELEASING


def test_a_decision_that_cannot_be_is_explained(desk: Keyboard) -> None:
    put(desk, a_held_message("ee55", spool="here", state=HeldState.RELEASED))
    assert "there is nothing to discard, the state is released" in refused(desk.type("held", "discard", "ee55"))
    assert "nothing is held of account eve" in refused(desk.type("held", "discard", "--account", "eve"))


def test_an_export_is_readable_by_its_owner_only_and_audited(desk: Keyboard, tmp_path: Path) -> None:
    to = tmp_path / "case"
    assert "needs a reason" in refused(desk.type("held", "export", "--to", str(to), "aa11"))
    desk.type("held", "export", "--to", str(to), "--account", ANN, "--reason", "case 1")
    assert sorted(path.name for path in to.iterdir()) == ["aa11.eml", "aa22.eml"]
    assert (to / "aa11.eml").read_bytes() == CONTENT.replace(b"\n..", b"\n.")
    assert (to / "aa11.eml").stat().st_mode & 0o777 == 0o600
    assert ("export held mail", f"account {ANN}", "2 messages: case 1") in audited(desk)


def test_an_export_tells_what_could_not_be_read_and_leaves_no_half_of_it(desk: Keyboard, tmp_path: Path) -> None:
    path = files_of(desk).path("aa22")
    path.write_bytes(path.read_bytes()[:-1])
    answer = desk.type("held", "export", "--to", str(tmp_path / "case"), "--account", ANN, "--reason", "x", "--json")
    assert answer.status == 1
    assert [Path(name).name for name in json.loads(answer.output)["written"]] == ["aa11.eml"]
    assert "aa22 cannot be read" in json.loads(answer.output)["problems"][0]
    assert not (tmp_path / "case" / "aa22.eml").exists()


def test_an_export_replaces_what_is_there_and_writes_to_nothing_that_others_may_read(
    desk: Keyboard, tmp_path: Path
) -> None:
    target, elsewhere = tmp_path / "case", tmp_path / "elsewhere"
    target.mkdir()
    elsewhere.write_text("not ours")
    (target / "aa11.eml").symlink_to(elsewhere)
    (target / "aa22.eml").write_text("older")
    (target / "aa22.eml").chmod(0o644)
    assert desk.type("held", "export", "--to", str(target), "--account", ANN, "--reason", "law").status == 0
    assert elsewhere.read_text() == "not ours"
    written = sorted(target.iterdir())
    assert [path.name for path in written] == ["aa11.eml", "aa22.eml"]
    assert {path.lstat().st_mode & 0o777 for path in written} == {0o600}


def test_rekey_makes_the_old_key_superfluous(desk: Keyboard) -> None:
    state_directory = desk.directory / "state"
    (desk.directory / "new.key").write_text("0b" * 32)
    (desk.directory / "new.key").chmod(0o600)
    keys = f'{{ file = "{desk.directory}/new.key" }}'
    text = desk.config.read_text("utf-8")
    desk.config.write_text(f'{text}[hold]\nkeys = [{keys}, {{ file = "{state_directory}/hold.key" }}]\n', "utf-8")
    assert "3 messages encrypted with the newest key" in desk.type("held", "rekey").output
    assert desk.read("held", "rekey") == {"rekeyed": 0, "problems": []}
    desk.config.write_text(f"{text}[hold]\nkeys = [{keys}]\n", "utf-8")
    assert "summer fair" in desk.type("held", "show", "aa11").output


def test_a_message_of_another_host_is_shown_there(desk: Keyboard) -> None:
    records = desk.records()
    records.put_held(a_held_message("ff66", spool="elsewhere"))
    records.close()
    assert "it is held on another host" in refused(desk.type("held", "show", "ff66"))
    assert not [line for line in desk.read("held", "list") if line["damaged"]]
