"""Records in a fresh database, of SQLite and of PostgreSQL, and an incident to put into them."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from detector.incident.incident import Incident, State
from detector.records.records import Records
from detector.verdict.verdict import Action, Evidence, Group, GroupScore, Verdict

EVIDENCE = Evidence(Group.BULK, "recipients_per_hour", 480.0, 12.5, 12.25)
VERDICT = Verdict(Action.BLOCK, 12.25, (GroupScore(Group.BULK, 12.25, (EVIDENCE,)),), "policy-1", "model-1")
INCIDENT = Incident("i1", "ann@example.org", True, State.OPEN, 100.0, 100.0, VERDICT, "t1", {"subject": "Übung"})

MakeIncident = Callable[..., Incident]


@pytest.fixture
def url(records_url: str) -> str:
    return records_url


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """For tests that look at the file."""
    return f"sqlite:///{tmp_path}/records.sqlite"


@pytest.fixture
def records(url: str) -> Iterator[Records]:
    records = Records(url)
    yield records
    records.close()


@pytest.fixture
def make_incident() -> MakeIncident:
    """An incident of ann@example.org, with the fields that are named changed."""

    def make(incident_id: str = "i1", account: str = "ann@example.org", **changes: float) -> Incident:
        return replace(INCIDENT, incident_id=incident_id, account=account, **changes)  # type: ignore[arg-type]

    return make
