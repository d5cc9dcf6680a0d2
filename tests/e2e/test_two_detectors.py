"""Two relays share one PostgreSQL: each sees every incident, and what is to be done is done once."""

import sys
from pathlib import Path

import pytest

from detector.incident.incident import Event, State
from detector.records.records import Records
from detector.response.told import finished_steps
from tests.support.detector_process import DetectorProcess
from tests.support.ports import free_port, wait_for
from tests.support.response import incident

pytestmark = pytest.mark.e2e

INCIDENTS = 6
APPEND = "import json, sys; open(sys.argv[1], 'a').write(json.load(sys.stdin)['request_id'] + '\\n')"


def settings(directory: Path, url: str) -> dict[str, object]:
    command = [sys.executable, "-c", APPEND, str(directory / "passwords")]
    return {"records": {"url": url}, "response": {"password": {"provider": "command", "argv": command}}}


def test_what_two_relays_see_is_done_once(tmp_path: Path, postgres_url: str) -> None:
    shared, next_hop = settings(tmp_path, postgres_url), free_port()
    with (
        DetectorProcess(tmp_path / "one", next_hop, shared) as one,
        DetectorProcess(tmp_path / "two", next_hop, shared) as two,
    ):
        records = Records(postgres_url)
        for number in range(INCIDENTS):
            records.open_incident(incident(f"i-{number}", f"a{number}"))

        def in_state(state: State) -> bool:
            return all(one.state is state for one in records.incidents(limit=INCIDENTS))

        wait_for(lambda: in_state(State.CONTAINED), "all are contained")
        one.stop()
        for number in range(INCIDENTS):  # the one that is left hears of it
            records.apply(f"i-{number}", Event.DISMISS, incident().opened_at, "eve")
        wait_for(lambda: not records.errands(1), "the decisions are carried out")
        two.stop()
    asked = (tmp_path / "passwords").read_text("utf-8").splitlines()
    assert sorted(asked) == [f"i-{number}.change_password" for number in range(INCIDENTS)]
    for number in range(INCIDENTS):
        steps = [done.step for done in finished_steps(records.timeline(f"i-{number}"))]
        assert len(steps) == len(set(steps))
        assert steps[-2:] == ["release_queue", "apologise"]
    assert records.beats() == {}
    records.close()
