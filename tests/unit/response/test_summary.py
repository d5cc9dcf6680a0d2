import json
from dataclasses import replace

import msgspec

from detector.incident.incident import Incident, State
from detector.records.entries import TimelineEntry
from detector.records.telling import Happened
from detector.response.event_text import text_of
from detector.response.summary import NAMED, news_of, summary_document
from detector.verdict.verdict import Evidence, Group, GroupScore
from tests.support.response import NOW, VERDICT, incident

TOGETHER = GroupScore(Group.CAMPAIGN, 3.0, (Evidence(Group.CAMPAIGN, "accomplices", 40.0, 0.0, 3.0),))


def happened(number: int, state: State = State.CONTAINED, *events: str, campaign: bool = False) -> Happened:
    verdict = msgspec.structs.replace(VERDICT, groups=(*VERDICT.groups, TOGETHER)) if campaign else VERDICT
    one: Incident = replace(incident(f"i-{number}", f"user{number}@example.org"), state=state, verdict=verdict)
    told = [TimelineEntry(NOW + number, "detector", event, "why") for event in ("opened", *events)]
    return Happened(one, dict(enumerate(told, 10 * number)))


BURST = [
    *(happened(number, campaign=True) for number in range(40)),
    *(happened(number, State.PENDING, "approval_needed", "change_password: failed") for number in range(40, 48)),
]


def test_a_summary_says_how_many_and_how_they_stand() -> None:
    told = summary_document(BURST, "account-and-evidence", NOW + 60.0)
    assert told["event"] == "incidents.summary"
    assert told["title"] == "48 incidents since 22:13 UTC: 40 contained, 8 waiting for a person"
    assert (told["count"], told["campaign"]) == (48, 40)
    assert told["states"] == {"contained": 40, "waiting for a person": 8}
    assert told["failed_steps"] == {"change_password": 8}
    assert told["since"] == "2023-11-14T22:13:20Z"
    assert told["shared"] == ["48 of 48: recipients_2h", "40 of 48: accomplices"]
    assert len(str(told["accounts"]).split(",")) == NAMED
    assert told["incidents"] == [f"i-{number}" for number in range(NAMED)]


def test_a_summary_says_no_more_than_the_target_may_hear() -> None:
    assert "@example.org" not in json.dumps(summary_document(BURST, "none", NOW))
    account = summary_document(BURST, "account", NOW)
    assert "user7@example.org" in json.dumps(account)
    assert "shared" not in account


def test_a_summary_is_told_in_words() -> None:
    text = text_of(summary_document(BURST, "account", NOW))
    assert text.title == "48 incidents since 22:13 UTC: 40 contained, 8 waiting for a person"
    assert "Failed steps: 8 change_password" in text.body
    assert "Accounts: user0@example.org, user1@example.org" in text.body
    assert "Campaign: 40" in text.body


def test_news_is_what_operators_hear_of() -> None:
    one = happened(
        1, State.OPEN, "end_sessions: done", "end_sessions: retried", "hold_queue: failed", "waiting: reminder 2"
    )
    assert [entry.event for entry in news_of(one).values()] == ["opened", "hold_queue: failed", "waiting: reminder 2"]
