"""What every channel to the customer keeps: it knows whom it reaches, says the text, and a check tells nobody."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest

from detector.config import HostPort, LetterChannel, NextHop, NoticeSettings
from detector.incident.notice import Facts, Kind
from detector.ports import Contact, Notifier, Secret
from detector.response.apprise_service import AppriseNotifier
from detector.response.letter import Letter
from detector.response.smtp_notifier import SmtpNotifier
from detector.response.template_files import read_letter, read_templates
from tests.support.response import NOW, incident
from tests.support.smtp_sink import SmtpSink

SETTINGS = NoticeSettings(sender="abuse@example.org", contact="+43 1 555 0100")
ANN = Contact("ann@example.org", "ann@private.example", "Ann Lee", "fr", "+15550100", "Hauptstraße 1\n1010 Wien")
NOBODY = Contact("ann@example.org", name="Ann Lee")


@dataclass(frozen=True, slots=True)
class House:
    """A channel, and the texts that have left by it."""

    channel: Notifier
    sent: Callable[[], list[str]]


def texts(sink: SmtpSink) -> list[str]:
    bodies = [message_from_bytes(sunk.content, policy=default).get_body(("plain",)) for sunk in sink.messages]
    return [body.get_content() for body in bodies if body is not None]


@pytest.fixture(params=["smtp", "apprise", "letter"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    tmp_path.chmod(0o700)
    with SmtpSink() as sink:
        next_hop = NextHop(servers=(HostPort(host="127.0.0.1", port=sink.port),))
        url = f"mailto://127.0.0.1:{sink.port}?from=abuse@example.org&to={{address}}"
        channels: dict[str, Callable[[], Notifier]] = {
            "smtp": lambda: SmtpNotifier(SETTINGS, next_hop, "relay.example.org", lambda: NOW),
            "apprise": lambda: AppriseNotifier(Secret(url)),
            "letter": lambda: Letter(
                LetterChannel(provider="letter", directory=tmp_path), read_letter(None), lambda: NOW
            ),
        }
        yield House(
            channels[request.param](),
            lambda: texts(sink) + [path.read_text("utf-8") for path in sorted(tmp_path.glob("*.html"))],
        )


@pytest.mark.parametrize("kind", list(Kind))
def test_the_text_leaves_once(house: House, kind: Kind) -> None:
    notice = read_templates(SETTINGS).render(kind, ANN.language, Facts(incident(), contact=SETTINGS.contact))
    assert house.channel.reaches(ANN)
    assert house.channel.send(notice, ANN, f"i-1.{kind}")
    (text,) = house.sent()
    for words in ("Bonjour", "ann@example.org", "+43 1 555 0100", "Numéro de dossier : i-1"):
        assert words in text


def test_somebody_of_whom_nothing_is_known_is_not_reached(house: House) -> None:
    assert not house.channel.reaches(NOBODY)


def test_a_check_tells_nobody(house: House) -> None:
    assert house.channel.check()
    assert house.sent() == []
