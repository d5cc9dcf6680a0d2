"""The demo is only passed when everything is proved."""

from pathlib import Path

from detector.cli.demo_result import alerts, collect
from detector.cli.demo_sink import Sink
from detector.cli.demo_stage import Stage
from detector.cli.demo_submission import Submission
from detector.records.records import Records


def test_a_demo_in_which_nothing_happened_is_not_passed(tmp_path: Path) -> None:
    with Sink() as sink:
        stage = Stage(tmp_path, sink.port)
        records = Records(f"sqlite:///{stage.state / 'records.sqlite'}")
        submission = Submission(stage.relay_port, stage.policy_port, lambda: 0.0)
        result = collect(stage, submission, sink, records, "before")
        records.close()
    assert not result.passed
    assert len(result.problems) == 5
    assert result.arrived_as_told
    assert result.stolen_password_works


def test_alerts_are_read_as_the_operators_program_wrote_them(tmp_path: Path) -> None:
    stage = Stage(tmp_path, 2525)
    assert alerts(stage) == []
    stage.alerts.write_text('{"event": "a"}\n\n{"event": "b"}\n')
    assert [alert["event"] for alert in alerts(stage)] == ["a", "b"]
