import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from detector.incident.incident import Event, Incident, State
from detector.ports import Temporary
from detector.records.records import Records
from detector.verdict.verdict import Action, Verdict
from tests.support.ports import PATIENCE

VERDICT = Verdict(Action.BLOCK, 12.0, (), "policy-1", "model-1")
INCIDENT = Incident("i1", "ann", True, State.OPEN, 100.0, 100.0, VERDICT, "t1", {})

CHILD = """
import resource, signal, sys
from dataclasses import replace
from detector.incident.incident import Event, Incident, State
from detector.ports import Temporary
from detector.records.records import Records
from detector.verdict.verdict import Action, Verdict
verdict = Verdict(Action.BLOCK, 12.0, (), "policy-1", "model-1")
incident = Incident("i1", "ann", True, State.OPEN, 100.0, 100.0, verdict, "t1", {})
records = Records(sys.argv[1])
"""


def child(program: str, *argv: str) -> subprocess.Popen[str]:
    """A process with records of its own; its standard input and output are ours."""
    return subprocess.Popen(
        [sys.executable, "-c", CHILD + program, *argv], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_a_block_survives_the_death_of_the_process_that_was_told_so(url: str) -> None:
    with child("records.open_incident(incident); print('blocked', flush=True); signal.pause()", url) as process:
        assert said(process) == "blocked"
        os.kill(process.pid, signal.SIGKILL)
    records = Records(url)
    assert records.standing().blocks == {"ann": "i1"}
    assert records.incident("i1") == INCIDENT
    records.close()


OPEN_MANY = """
print("ready", flush=True)
input()
for number in range(40):
    mine = replace(incident, incident_id=f"{sys.argv[2]}{number}", account=str(number))
    print(records.open_incident(mine).incident_id)
    records.audit(sys.argv[2], "look", str(number), 1.0)
"""


def test_two_processes_may_write_at_once_and_agree_on_every_incident(url: str) -> None:
    with child(OPEN_MANY, url, "a") as one, child(OPEN_MANY, url, "b") as other:
        assert (said(one), said(other)) == ("ready", "ready")
        for process in (one, other):
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        answers = [process.communicate(timeout=PATIENCE)[0].split() for process in (one, other)]
    assert len(answers[0]) == 40
    assert answers[0] == answers[1]
    records = Records(url)
    assert records.standing().blocks == {str(number): answer for number, answer in enumerate(answers[0])}
    assert records.verify_audit() == 120
    records.close()


def test_threads_share_one_object_and_the_breaker_never_lets_too_many_through(records: Records) -> None:
    def contain(number: int) -> bool:
        records.open_incident(replace(INCIDENT, incident_id=str(number), account=str(number)))
        return records.claim_password_change(str(number), 200.0, limit=7)

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(contain, range(40))) == 7
    assert records.password_changes_since(0.0) == 7


def test_a_change_by_any_process_is_seen_in_the_token(records: Records, url: str) -> None:
    before = records.change_token()
    assert records.change_token() == before
    other = Records(url)
    other.open_incident(INCIDENT)
    assert records.change_token() != before
    after = records.change_token()
    other.apply("i1", Event.DISMISS, 200.0, "olga")
    assert records.change_token() != after
    other.close()


FILL_THE_DISK = """
limits = resource.getrlimit(resource.RLIMIT_FSIZE)
records.open_incident(incident)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
try:
    for number in range(10_000):
        records.open_incident(replace(incident, incident_id=f"n{number}", account=str(number)))
except Temporary as error:
    print(error)
assert records.incident("i1") == incident
resource.setrlimit(resource.RLIMIT_FSIZE, limits)
assert str(number) not in records.standing().blocks
records.open_incident(replace(incident, incident_id="after", account="after"))
records.audit("olga", "look", "ann", 1.0)
print(records.verify_audit() - len(records.standing().blocks))  # each opening has an entry
"""


def test_a_full_disk_is_temporary_and_leaves_everything_whole(sqlite_url: str) -> None:
    with child(FILL_THE_DISK, sqlite_url) as process:
        assert said(process).startswith("records: open_incident: ")
        assert said(process) == "1"
    records = Records(sqlite_url)
    assert {"ann", "after"} <= set(records.standing().blocks)
    records.close()


def test_a_database_that_is_damaged_later_is_temporary(sqlite_url: str) -> None:
    records = Records(sqlite_url)
    records.open_incident(INCIDENT)
    records.close()
    path = Path(sqlite_url.removeprefix("sqlite:///"))
    content = path.read_bytes()
    records = Records(sqlite_url)
    path.write_bytes(b"damage" * (len(content) // 6))
    records.close()  # so that the next use reads the file
    with pytest.raises(Temporary, match="records: standing: "):
        records.standing()


def test_closing_twice_does_no_harm(records: Records) -> None:
    records.close()
    records.close()
    assert records.incidents() == []
