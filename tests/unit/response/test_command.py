import json
import sys
from pathlib import Path

import pytest

from detector.config import CommandAction, ConfigError
from detector.ports import Refused, Secret, Temporary
from detector.response.command import Command, CommandPassword, CommandSessions


def python(code: str, *arguments: str, timeout: float = 30.0) -> Command:
    return Command(CommandAction(provider="command", argv=(sys.executable, "-c", code, *arguments), timeout=timeout))


def test_the_program_gets_json_and_its_output_is_the_answer() -> None:
    code = "import json,sys; print(json.load(sys.stdin)['account'].upper())"
    assert python(code).run({"account": "ann"}) == "ANN\n"


def test_no_shell_reads_the_arguments() -> None:
    assert python("import sys; print(sys.argv[1])", "$(id); `id` > x | y").run({}) == "$(id); `id` > x | y\n"


def test_the_environment_is_ours_to_give(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_OURS", "1")
    shown = json.loads(python("import json,os; print(json.dumps([dict(os.environ), os.getcwd()]))").run({}))
    assert set(shown[0]) - {"LC_CTYPE"} == {"PATH", "LANG"}
    assert shown[1] == "/"


def test_status_75_means_try_again() -> None:
    with pytest.raises(Temporary, match=r"asks to try again: database is away$"):
        python("import sys; print('database is away\\nmore', file=sys.stderr); sys.exit(75)").run({})


@pytest.mark.parametrize("status", [1, 2, 64, 77, 255])
def test_any_other_status_means_never(status: int) -> None:
    with pytest.raises(Refused, match=f"ended with status {status}$"):
        python(f"import sys; sys.exit({status})").run({})


def test_a_program_that_was_killed_has_not_decided() -> None:
    with pytest.raises(Temporary, match="killed by signal 9"):
        python("import os; os.kill(os.getpid(), 9)").run({})


def test_a_program_that_cannot_be_started_has_not_decided() -> None:
    with pytest.raises(Temporary, match="cannot be started"):
        Command(CommandAction(provider="command", argv=("/no/such/program",))).run({})


def test_a_secret_is_blanked_in_complaints() -> None:
    code = "import json,sys; sys.exit('bad password: ' + json.load(sys.stdin)['password'])"
    with pytest.raises(Refused, match=r"bad password: \(secret\)$"):
        python(code).run({"password": "hunter22"}, Secret("hunter22"))


@pytest.mark.parametrize("shape", ["abcde-fghij-234", "abcdefghij234", "abcde fghij 234", "abcde\\nfghij_234"])
def test_a_secret_is_blanked_in_every_grouping(shape: str) -> None:
    with pytest.raises(Refused, match=r"bad password: \(secret\)!$"):
        python(f"import sys; sys.exit('bad password: {shape}!')").run({}, Secret("abcde-fghij-234"))


def test_time_is_up_for_the_children_too(tmp_path: Path) -> None:
    alive = tmp_path / "alive"
    # The child holds a lock for as long as it lives; when we can take it, the child is gone.
    code = f"""
import fcntl, os, subprocess, sys, time
subprocess.Popen([sys.executable, '-c', '''
import fcntl, time
f = open({str(alive)!r}, "w"); fcntl.flock(f, fcntl.LOCK_EX); print("locked", flush=True); time.sleep(100)
'''])
time.sleep(100)
"""
    with pytest.raises(Temporary, match=r"took longer than 1\.5 s and was killed"):
        python(code, timeout=1.5).run({})
    import fcntl

    with alive.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)


def test_a_daemon_that_keeps_the_pipes_open_does_not_hold_us() -> None:
    code = """
import subprocess, sys
subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(5)'], start_new_session=True)
print('done')
"""
    assert python(code).run({}) == "done\n"


def test_a_program_that_talks_too_much_is_cut_and_does_not_hang() -> None:
    assert len(python("print('x' * 5_000_000)").run({})) == 65_536


def test_a_program_that_does_not_read_its_input_may_still_succeed() -> None:
    assert python("print('ok')").run({"long": "x" * 1_000_000}) == "ok\n"


def test_check_finds_the_program_without_running_it(tmp_path: Path) -> None:
    assert Command(CommandAction(provider="command", argv=("true",))).check().endswith("true: can be executed")
    with pytest.raises(ConfigError, match="is not a program"):
        Command(CommandAction(provider="command", argv=(str(tmp_path),))).check()


def test_the_requests_are_as_documented(tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = python(f"import sys; open({str(out)!r}, 'w').write(sys.stdin.read())")
    CommandPassword(command, lambda: 1000.4).change_password("ann", Secret("n3w"), "i-1.change_password")
    assert json.loads(out.read_text()) == {
        "action": "change_password",
        "account": "ann",
        "password": "n3w",
        "request_id": "i-1.change_password",
        "time": 1000,
    }
    CommandSessions(command, lambda: 1000.4).end_sessions("ann", "i-1.end_sessions")
    assert json.loads(out.read_text()) == {
        "action": "end_sessions",
        "account": "ann",
        "request_id": "i-1.end_sessions",
        "time": 1000,
    }
