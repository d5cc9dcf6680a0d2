"""`detector demo` as a smoke test of everything together."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e


@pytest.mark.timeout(900)
def test_the_hijacked_account_is_stopped_and_nobody_else_is_hurt(tmp_path: Path) -> None:
    file = tmp_path / "result.json"
    done = subprocess.run(
        [sys.executable, "-m", "detector", "demo", "--plain", "--json", str(file)],
        capture_output=True,
        text=True,
        timeout=840,
        env={"TMPDIR": str(tmp_path), "PATH": "/usr/bin:/bin"},
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    result = json.loads(file.read_text("utf-8"))
    assert result["passed"]
    assert result["escaped"] <= 40
    assert result["seconds_to_block"] > 0.0
    assert result["seconds_to_password"] > 0.0
    assert not result["stolen_password_works"]
    assert result["notice_to"] == "elin.b@private.example"
    assert result["alert"]["event"] == "incident.contained"
    assert len(result["others"]) == 7
    assert all(other["passed"] == other["recipients"] > 0 for other in result["others"])
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert [path.name for path in tmp_path.iterdir()] == ["result.json"]
