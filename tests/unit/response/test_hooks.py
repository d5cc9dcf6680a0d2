import json
import sys
from dataclasses import replace
from pathlib import Path

from detector.config import CommandAction
from detector.response.command import Command
from detector.response.hooks import CommandHook, Done, Redaction, Story, event_document
from tests.support.response import NOW, incident

STORY = Story(
    incident(), ["480 recipients, usual 3"], 2, [Done("change_password", "failed", "no user ann@example.org")]
)


def document(redaction: Redaction) -> dict[str, object]:
    return event_document("incident.opened", STORY, redaction, NOW)


def test_an_event_tells_what_is_known() -> None:
    assert document("account-and-evidence") == {
        "event": "incident.opened",
        "incident": "i-1",
        "time": "2023-11-14T22:13:20Z",
        "opened_at": "2023-11-14T22:13:18Z",
        "changed_at": "2023-11-14T22:13:18Z",
        "state": "open",
        "identity_trusted": True,
        "score": 14.25,
        "strikes": 2,
        "done": [{"step": "change_password", "result": "failed", "detail": "no user ann@example.org"}],
        "account": "ann@example.org",
        "evidence": ["480 recipients, usual 3"],
        "facts": incident().facts,
    }


def test_an_event_tells_every_target_why_a_person_is_asked() -> None:
    story = replace(STORY, reason="20 passwords were changed within an hour")
    assert event_document("incident.needs_confirmation", story, "none", NOW)["reason"] == story.reason


def test_redaction_account_leaves_out_evidence_and_facts() -> None:
    told = document("account")
    assert told["account"] == "ann@example.org"
    assert "evidence" not in told
    assert "192.0.2.77" not in json.dumps(told)


def test_redaction_none_leaves_out_everything_personal() -> None:
    told = json.dumps(document("none"))
    for words in ("ann", "192.0.2.77", "480"):
        assert words not in told
    assert document("none")["done"] == [{"step": "change_password", "result": "failed"}]


def test_the_state_is_the_incidents() -> None:
    story = replace(STORY, incident=replace(STORY.incident, trusted=False))
    assert event_document("incident.opened", story, "none", NOW)["identity_trusted"] is False


def test_a_command_hears_the_event_on_standard_input(tmp_path: Path) -> None:
    out = tmp_path / "out"
    argv = (sys.executable, "-c", "import sys; open(sys.argv[1], 'w').write(sys.stdin.read())", str(out))
    hook = CommandHook("desk", Command(CommandAction(provider="command", argv=argv)))
    hook.deliver({"event": "incident.opened"}, "i-1.incident.opened")
    assert json.loads(out.read_text()) == {"event": "incident.opened", "request_id": "i-1.incident.opened"}
    assert hook.check().startswith("hook desk: command ")
