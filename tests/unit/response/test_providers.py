from pathlib import Path

import pytest

from detector.config import ConfigError, NextHop, Response
from detector.response.command import CommandPassword, CommandSessions
from detector.response.directory import CommandDirectory, CsvFile, HttpDirectory
from detector.response.dovecot import Dovecot
from detector.response.http import HttpPassword
from detector.response.passwd_file import PasswdFile
from detector.response.providers import Providers, build, build_usable

STATE = Path("/var/lib/detector")
COMMAND = {"provider": "command", "argv": ["true"]}


def built(**settings: object) -> Providers:
    return build(Response.model_validate(settings), NextHop(), "relay.example.org", lambda: 0.0, STATE)


def secret(tmp_path: Path, mode: int = 0o600) -> dict[str, object]:
    path = tmp_path / "secret"
    path.write_text("s3cret\n")
    path.chmod(mode)
    return {"file": str(path)}


def test_what_is_not_configured_is_not_built() -> None:
    assert built() == Providers()


def test_every_provider_of_the_configuration_is_built(tmp_path: Path) -> None:
    http = {"provider": "http", "url": "http://localhost:1/x", "secret": secret(tmp_path)}
    assert isinstance(built(password={"provider": "passwd-file", "path": "/x"}).password, PasswdFile)
    assert isinstance(built(password=COMMAND).password, CommandPassword)
    assert isinstance(built(password=http).password, HttpPassword)
    assert isinstance(built(sessions={"provider": "dovecot"}).sessions, Dovecot)
    assert isinstance(built(sessions=COMMAND).sessions, CommandSessions)
    assert isinstance(built(directory={"provider": "csv", "path": "/x"}).directory, CsvFile)
    assert isinstance(built(directory=COMMAND).directory, CommandDirectory)
    assert isinstance(built(directory=http).directory, HttpDirectory)
    hooks = [{"name": "desk", "action": COMMAND}, {"name": "web", "action": http, "redaction": "none"}]
    assert [(t.hook.name, t.redaction) for t in built(hooks=hooks).hooks] == [
        ("desk", "account-and-evidence"),
        ("web", "none"),
    ]


def test_a_secret_that_everybody_may_read_stops_the_start(tmp_path: Path) -> None:
    http = {"provider": "http", "url": "http://localhost:1/x", "secret": secret(tmp_path, 0o644)}
    with pytest.raises(ConfigError, match="everybody may read"):
        built(password=http)


def test_a_notice_is_built_with_its_directory() -> None:
    providers = built(directory=COMMAND, notice={"sender": "abuse@example.org"})
    assert providers.notices is not None
    assert providers.notices.directory is providers.directory


def test_one_fault_hides_no_other_and_no_part_that_works(tmp_path: Path) -> None:
    templates = tmp_path / "templates"
    templates.mkdir()
    (templates / "notice.en.txt").write_text("Subject: Hello\n\nLog in at www.example.org.\n")
    http = {"provider": "http", "url": "http://localhost:1/x", "secret": secret(tmp_path, 0o644)}
    settings = {
        "password": http,
        "sessions": COMMAND,
        "directory": COMMAND,
        "notice": {"sender": "abuse@example.org", "templates": str(templates)},
        "hooks": [{"name": "desk", "action": COMMAND}, {"name": "web", "action": http}],
    }
    with pytest.raises(ConfigError) as caught:
        built(**settings)
    lines = str(caught.value).splitlines()
    assert sum("everybody may read" in line for line in lines) == 2
    assert sum("it contains a link" in line for line in lines) == 1
    response = Response.model_validate(settings)
    providers, problems = build_usable(response, NextHop(), "relay.example.org", lambda: 0.0, STATE)
    assert list(problems) == lines
    assert isinstance(providers.sessions, CommandSessions)
    assert [target.hook.name for target in providers.hooks] == ["desk"]


def test_check_tells_all_that_was_found_or_all_that_is_wrong(tmp_path: Path) -> None:
    good = built(password=COMMAND, hooks=[{"name": "desk", "action": COMMAND}])
    assert [line.split(": ")[0] for line in good.check()] == ["command /usr/bin/true", "hook desk"]
    missing = {"provider": "command", "argv": ["/no/such/program"]}
    with pytest.raises(ConfigError) as caught:
        built(password=missing, sessions=COMMAND, directory=missing).check()
    assert len(str(caught.value).splitlines()) == 2
