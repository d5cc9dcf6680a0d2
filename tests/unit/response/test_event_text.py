from detector.response.event_text import text_of
from detector.response.hooks import Done, Redaction, Story, event_document
from tests.support.response import NOW, incident

STORY = Story(
    incident(), ["480 recipients, usual 3"], 2, [Done("change_password", "failed", "no user ann@example.org")], "why"
)


def told(redaction: Redaction) -> str:
    text = text_of(event_document("incident.needs_confirmation", STORY, redaction, NOW))
    return f"{text.title}\n{text.body}"


def test_an_event_is_told_in_words() -> None:
    assert told("account-and-evidence").splitlines() == [
        "ann@example.org: blocked, and nothing more until a person confirms",
        "Incident i-1, opened 2023-11-14T22:13:18Z.",
        "State: open",
        "Identity trusted: yes",
        "Score: 14.25",
        "Strikes: 2",
        "Reason: why",
        "Done:",
        "- change_password: failed: no user ann@example.org",
        "Evidence:",
        "- 480 recipients, usual 3",
        "Facts:",
        "- recipients: 480",
        "- client: 192.0.2.77",
        "- mail_from: ann@example.org",
        "More: detector incidents show i-1",
    ]


def test_the_words_say_no_more_than_the_event() -> None:
    assert "192.0.2.77" not in told("account")
    assert "ann" not in told("none")
    assert told("none").startswith("incident i-1: blocked")


def test_a_failed_step_is_named() -> None:
    event = {**event_document("incident.step_failed", STORY, "none", NOW), "step": "change_password"}
    assert "Step: change_password" in text_of(event).body


def test_what_is_about_no_incident_is_told_as_it_stands() -> None:
    text = text_of({"event": "breaker.open", "time": "2023-11-14T22:13:20Z", "changes": 20, "states": {"open": 3}})
    assert text.title == "Too many passwords were changed: nothing more until a person confirms"
    assert text.body == "Changes: 20\nStates: 3 open"
    assert text_of({"event": "something.new", "time": ""}).title == "something.new"
