"""What every hook keeps: the event arrives, a trouble that may pass is told as such, and a check tells nobody."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from detector.config import AlertmanagerAction, CommandAction, HttpAction, SecretSource
from detector.ports import Hook, Secret, Temporary
from detector.response.alertmanager import AlertmanagerHook
from detector.response.apprise_hook import AppriseHook
from detector.response.command import Command
from detector.response.hooks import CommandHook, HttpHook, Story, event_document
from detector.response.http import Endpoint
from tests.support.ports import PATIENCE
from tests.support.response import NOW, incident

EVENT = event_document("incident.opened", Story(incident(), ["480 recipients, usual 3"], 0, []), "account", NOW)


@dataclass(frozen=True, slots=True)
class House:
    """A hook, what has arrived behind it, and how to break what is there."""

    hook: Hook
    heard: Callable[[], list[str]]
    close: Callable[[], None]


class Listener:
    """Keeps what is posted; answers 503 while it is closed."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.is_open = True
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                if listener.is_open:
                    listener.heard.append(body)
                self.answer(200 if listener.is_open else 503)

            def do_OPTIONS(self) -> None:
                self.answer(204)

            def do_GET(self) -> None:
                self.answer(200, b'{"versionInfo": {"version": "0.0.0"}}')

            def answer(self, status: int, body: bytes = b"") -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def close(self) -> None:
        self.is_open = False


@pytest.fixture
def listener() -> Iterator[Listener]:
    listener = Listener()
    thread = Thread(target=listener.server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield listener
    listener.server.shutdown()
    thread.join(PATIENCE)
    listener.server.server_close()


def program(directory: Path) -> House:
    out, closed = directory / "heard", directory / "closed"
    code = (
        "import os, sys; text = sys.stdin.read(); "
        "sys.exit(75) if os.path.exists(sys.argv[2]) else open(sys.argv[1], 'a').write(text + '\\n')"
    )
    argv = (sys.executable, "-c", code, str(out), str(closed))
    hook = CommandHook("desk", Command(CommandAction(provider="command", argv=argv)))
    return House(hook, lambda: out.read_text().splitlines() if out.exists() else [], closed.touch)


@pytest.fixture(params=["command", "http", "apprise", "alertmanager"])
def house(request: pytest.FixtureRequest, tmp_path: Path, listener: Listener) -> House:
    if request.param == "command":
        return program(tmp_path)
    http = HttpAction(provider="http", url=listener.url, secret=SecretSource(environment="UNUSED"))
    pager = AlertmanagerAction(provider="alertmanager", url=listener.url)
    hooks: dict[str, Callable[[], Hook]] = {
        "http": lambda: HttpHook("desk", Endpoint(http, Secret("s3cret"), lambda: NOW)),
        "apprise": lambda: AppriseHook("desk", Secret(listener.url.replace("http://", "json://user:s3cret@"))),
        "alertmanager": lambda: AlertmanagerHook("desk", pager, Secret("s3cret")),
    }
    return House(hooks[request.param](), lambda: list(listener.heard), listener.close)


def test_the_event_arrives_with_what_it_may_tell(house: House) -> None:
    assert house.hook.deliver(dict(EVENT), "i-1.incident.opened").startswith("told ")
    (heard,) = house.heard()
    for word in ("i-1", "ann@example.org"):
        assert word in heard
    assert "480 recipients" not in heard


def test_a_trouble_that_may_pass_is_told_as_such_and_without_secrets(house: House) -> None:
    house.close()
    with pytest.raises(Temporary) as caught:
        house.hook.deliver(dict(EVENT), "i-1.incident.opened")
    assert "s3cret" not in str(caught.value)
    assert house.heard() == []


def test_a_check_tells_nobody(house: House) -> None:
    assert house.hook.check().startswith("hook desk: ")
    assert house.heard() == []
