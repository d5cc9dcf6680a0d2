from pathlib import Path

import pytest

from detector.config import (
    AlertmanagerAction,
    AppriseAction,
    CommandAction,
    ConfigError,
    HookSettings,
    HttpAction,
    NextHop,
    NoticeSettings,
    SecretSource,
)
from detector.response.alertmanager import AlertmanagerHook
from detector.response.apprise_hook import AppriseHook
from detector.response.apprise_service import AppriseNotifier
from detector.response.build_people import Builder
from detector.response.hooks import CommandHook, HttpHook
from detector.response.letter import Letter
from detector.response.smtp_notifier import SmtpNotifier
from tests.support.response import NOW, Customers

BUILDER = Builder(NextHop(), "relay.example.org", lambda: NOW)


def secret(directory: Path, text: str) -> dict[str, str]:
    path = directory / "secret"
    path.write_text(text)
    path.chmod(0o600)
    return {"file": str(path)}


def notice(*channels: dict[str, object], **settings: object) -> NoticeSettings:
    named: dict[str, object] = {"channels": channels} if channels else {}
    return NoticeSettings.model_validate({"sender": "abuse@example.org", **named, **settings})


def test_mail_is_the_channel_when_none_is_named() -> None:
    assert [type(channel) for channel in BUILDER.notices(notice(), Customers()).channels] == [SmtpNotifier]


def test_channels_stand_in_the_order_of_the_file(tmp_path: Path) -> None:
    named = notice(
        {"provider": "letter", "directory": str(tmp_path)},
        {"provider": "apprise", "url": secret(tmp_path, "jsons://example.org/{telephone}\n")},
        {"provider": "smtp"},
    )
    channels = BUILDER.notices(named, Customers()).channels
    assert [type(channel) for channel in channels] == [Letter, AppriseNotifier, SmtpNotifier]


def test_every_fault_is_told_with_its_place(tmp_path: Path) -> None:
    named = notice(
        {"provider": "smtp"},
        {"provider": "apprise", "url": secret(tmp_path, "json://example.org/{telephone}")},
        {"provider": "apprise", "url": {"environment": "NO_SUCH_VARIABLE"}},
        language="xx",
    )
    with pytest.raises(ConfigError) as caught:
        BUILDER.notices(named, Customers())
    lines = str(caught.value).splitlines()
    assert lines[0].endswith("no template in the default language: notice.xx.txt")
    assert lines[-2:] == [
        "response.notice.channels[1]: Apprise does not encrypt what goes to json://...: use jsons://",
        "response.notice.channels[2]: environment variable NO_SUCH_VARIABLE holds no secret",
    ]


def test_hooks_are_built_with_what_they_may_tell(tmp_path: Path) -> None:
    command = CommandAction(provider="command", argv=("true",))
    http = HttpAction(
        provider="http", url="http://localhost:1/x", secret=SecretSource.model_validate(secret(tmp_path, "s"))
    )
    desk = BUILDER.target(HookSettings(name="desk", action=command))
    web = BUILDER.target(HookSettings(name="web", action=http, redaction="none"))
    assert (type(desk.hook), desk.redaction) == (CommandHook, "account-and-evidence")
    assert (type(web.hook), web.redaction) == (HttpHook, "none")


def test_services_and_alertmanagers_are_hooks(tmp_path: Path) -> None:
    url = SecretSource.model_validate(secret(tmp_path, "jsons://example.org"))
    service = HookSettings(name="chat", action=AppriseAction(provider="apprise", url=url), group_wait=5.0)
    pager = HookSettings(
        name="pager", action=AlertmanagerAction(provider="alertmanager", url="https://example.org", token=url)
    )
    assert (type(BUILDER.target(service).hook), BUILDER.target(service).group_wait) == (AppriseHook, 5.0)
    # It groups by itself, and could not end an alert that it has not heard of.
    assert (type(BUILDER.target(pager).hook), BUILDER.target(pager).group_wait) == (AlertmanagerHook, 0.0)
