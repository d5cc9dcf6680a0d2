from pathlib import Path

import pytest

from detector.config import ConfigError, NextHop, Response
from detector.ports import PasswordProvider
from detector.response.build_panels import PANEL_APP_PASSWORDS, PANEL_PASSWORDS, SESSIONS
from detector.response.command import CommandSessions
from detector.response.cpanel import Cpanel
from detector.response.dovecot import Dovecot
from detector.response.dovecot_http import DovecotHttp
from detector.response.keycloak import Keycloak
from detector.response.mailcow import Mailcow
from detector.response.own_ways import OwnAppPasswords, OwnQueue
from detector.response.postfix_queue import PostfixQueue
from detector.response.providers import Providers, build
from detector.response.several import MailQueues, SessionEnders
from detector.response.wildduck import Wildduck

COMMAND: dict[str, object] = {"provider": "command", "argv": ["true"]}
DOVECOT: dict[str, object] = {"provider": "dovecot"}


def built(state: Path, **settings: object) -> Providers:
    return build(Response.model_validate(settings), NextHop(), "relay.example.org", lambda: 0.0, state)


@pytest.fixture
def panel(tmp_path: Path) -> dict[str, object]:
    secret = tmp_path / "secret"
    secret.write_text("s3cret\n")
    secret.chmod(0o600)
    return {"url": "https://panel.example.net", "secret": {"file": str(secret)}}


def of(name: str, panel: dict[str, object]) -> dict[str, object]:
    more = {"realm": "customers", "client_id": "detector"} if name == "keycloak" else {}
    return {"provider": name, **panel, **more}


def test_every_panel_of_the_configuration_is_built(tmp_path: Path, panel: dict[str, object]) -> None:
    kinds: dict[str, type[PasswordProvider]] = {
        "keycloak": Keycloak,
        "mailcow": Mailcow,
        "wildduck": Wildduck,
        "cpanel": Cpanel,
    }
    for name, kind in kinds.items():
        assert isinstance(built(tmp_path, password=of(name, panel)).password, kind)
    assert len(PANEL_PASSWORDS) == len(kinds)


def test_every_way_to_revoke_app_passwords_is_built(tmp_path: Path, panel: dict[str, object]) -> None:
    ways = {"mailcow": Mailcow, "wildduck": Wildduck, "http": OwnAppPasswords}
    for name, kind in ways.items():
        assert isinstance(built(tmp_path, app_passwords=of(name, panel)).app_passwords, kind)
    assert isinstance(built(tmp_path, app_passwords=COMMAND).app_passwords, OwnAppPasswords)
    assert len(PANEL_APP_PASSWORDS) == len(ways) + 1


def test_every_place_of_sessions_is_built(tmp_path: Path, panel: dict[str, object]) -> None:
    places = {"dovecot-http": DovecotHttp, "keycloak": Keycloak, "wildduck": Wildduck}
    for name, kind in places.items():
        assert isinstance(built(tmp_path, sessions=of(name, panel)).sessions, kind)
    assert isinstance(built(tmp_path, sessions=DOVECOT).sessions, Dovecot)
    assert isinstance(built(tmp_path, sessions=COMMAND).sessions, CommandSessions)
    assert len(SESSIONS) == len(places) + 2


def test_one_stands_alone_and_several_act_as_one(tmp_path: Path) -> None:
    assert isinstance(built(tmp_path, sessions=[DOVECOT]).sessions, Dovecot)
    assert isinstance(built(tmp_path, sessions=[DOVECOT, COMMAND]).sessions, SessionEnders)
    assert isinstance(built(tmp_path, queue=COMMAND).queue, OwnQueue)
    assert isinstance(built(tmp_path, queue={"provider": "postfix"}).queue, PostfixQueue)
    assert isinstance(built(tmp_path, queue=[COMMAND, {"provider": "postfix"}]).queue, MailQueues)
    assert built(tmp_path, sessions=[], queue=[]) == Providers()


def test_each_queue_remembers_for_itself_in_whatever_order(tmp_path: Path) -> None:
    first = {"provider": "postfix", "postqueue": ["cat", "/dev/null"]}
    second = {**first, "postsuper": ["ssh", "mx2", "postsuper"]}
    for settings in ([first, second], [second, first]):
        queue = built(tmp_path, queue=settings).queue
        assert isinstance(queue, MailQueues)
        places = {str(part._held._directory) for part in queue._queues if isinstance(part, PostfixQueue)}
        assert len(places) == 2
        assert {Path(place).parent for place in places} == {tmp_path / "queue"}


def test_a_secret_that_cannot_be_read_stops_the_start(tmp_path: Path, panel: dict[str, object]) -> None:
    absent = {**panel, "secret": {"file": str(tmp_path / "absent")}}
    with pytest.raises(ConfigError) as caught:
        built(tmp_path, password=of("mailcow", absent), sessions=[of("wildduck", absent)])
    assert len(str(caught.value).splitlines()) == 2
