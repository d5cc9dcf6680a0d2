import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from detector.config import CommandAction, ConfigError, HttpAction, SecretSource
from detector.ports import Refused, Secret, Temporary
from detector.response.command import Command
from detector.response.http import Endpoint
from detector.response.own_ways import CommandWay, HttpWay, OwnAppPasswords, OwnQueue
from tests.support.http_receiver import Receiver

NOW = 1_700_000_000.4
ACTIONS: dict[str, Callable[[OwnQueue], str]] = {
    "hold_queue": lambda queue: queue.hold("ann", "i-1.hold"),
    "release_queue": lambda queue: queue.release("ann", "i-1.hold"),
    "discard_queue": lambda queue: queue.discard("ann", "i-1.hold"),
}


def by_command(program: str, *words: str) -> CommandWay:
    argv = (sys.executable, "-c", program, *words)
    return CommandWay(Command(CommandAction(provider="command", argv=argv)), lambda: NOW)


def by_http(port: int) -> HttpWay:
    url, source = f"http://localhost:{port}/hook", SecretSource(environment="UNUSED")
    settings = HttpAction(provider="http", url=url, secret=source)
    return HttpWay(Endpoint(settings, Secret("shared"), lambda: NOW), lambda: NOW)


def test_a_program_is_told_what_to_do(tmp_path: Path) -> None:
    way = by_command("import sys; open(sys.argv[1], 'w').write(sys.stdin.read())", str(tmp_path / "told"))
    assert OwnAppPasswords(way).revoke_app_passwords("ann", "i-1.apps") == "app passwords revoked by command"
    told = {"account": "ann", "request_id": "i-1.apps", "time": 1_700_000_000}
    assert json.loads((tmp_path / "told").read_text()) == {"action": "revoke_app_passwords", **told}
    for action, act in ACTIONS.items():
        assert act(OwnQueue(way)).endswith(" by command")
        assert json.loads((tmp_path / "told").read_text())["action"] == action


def test_an_endpoint_is_told_what_to_do() -> None:
    with Receiver("shared", lambda: NOW) as receiver:
        way = by_http(receiver.port)
        assert OwnAppPasswords(way).revoke_app_passwords("ann", "i-1.apps") == "app passwords revoked by HTTP"
        headers, document = receiver.requests[0]
        assert headers["Idempotency-Key"] == document["request_id"] == "i-1.apps"
        assert [act(OwnQueue(way)) for act in ACTIONS.values()] == [
            "put on hold by HTTP", "released by HTTP", "deleted by HTTP",
        ]  # fmt: skip
        assert [told["action"] for _, told in receiver.requests] == ["revoke_app_passwords", *ACTIONS]
        assert "answers" in OwnQueue(way).check()


def test_failures_say_whose_turn_it_is() -> None:
    with pytest.raises(Refused):
        OwnQueue(by_command("raise SystemExit(1)")).hold("ann", "r")
    with pytest.raises(Temporary):
        OwnAppPasswords(by_command("raise SystemExit(75)")).revoke_app_passwords("ann", "r")


def test_a_check_finds_the_program_without_running_it() -> None:
    assert "can be executed" in OwnAppPasswords(by_command("raise SystemExit(1)")).check()
    absent = Command(CommandAction(provider="command", argv=("/nothing/here",)))
    with pytest.raises(ConfigError, match="not a program"):
        OwnQueue(CommandWay(absent, lambda: NOW)).check()
