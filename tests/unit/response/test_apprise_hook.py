import email
import email.policy

import pytest

from detector.config import ConfigError
from detector.ports import Secret
from detector.response.apprise_hook import AppriseHook
from detector.response.hooks import Story, event_document
from tests.support.response import NOW, incident
from tests.support.smtp_sink import SmtpSink


def test_operators_are_told_by_mail() -> None:
    event = event_document("incident.opened", Story(incident(), ["480 recipients, usual 3"], 0, []), "account", NOW)
    with SmtpSink() as sink:
        url = f"mailto://127.0.0.1:{sink.port}?from=detector@example.org&to=desk@example.org"
        hook = AppriseHook("mail", Secret(url))
        assert hook.deliver(event, "i-1.incident.opened") == "told by mailto"
        sunk = sink.wait_for_messages(1)[0]
        assert hook.check() == "hook mail: Apprise, mailto; not tried, because that would be a message"
        assert len(sink.messages) == 1
    message = email.message_from_bytes(sunk.content, policy=email.policy.default)
    assert message["Subject"] == "ann@example.org: blocked: it sends as if hijacked"
    body = message.get_body(("plain",))
    assert body is not None
    text = body.get_content()
    assert "More: detector incidents show i-1" in text
    assert "480" not in text


def test_a_url_that_must_not_be_used_stops_the_start() -> None:
    with pytest.raises(ConfigError, match="does not encrypt"):
        AppriseHook("chat", Secret("json://chat.example.org"))
