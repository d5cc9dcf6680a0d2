import email
import email.policy
import json
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from detector.config import ConfigError
from detector.incident.notice import Notice
from detector.ports import Contact, Secret, Temporary
from detector.response.apprise_service import AppriseNotifier, open_service, tell
from tests.support.ports import PATIENCE
from tests.support.smtp_sink import SmtpSink

NOTICE = Notice("i-1", "ann@example.org", "Ihr Konto", "Grüße\n", "Kurz & gut", "de")
ANN = Contact("ann@example.org", "ann+x@private.example", telephone="+15550100")


class Gateway:
    """Takes what Apprise posts; answers `status`."""

    def __init__(self) -> None:
        self.status = 200
        self.heard: list[tuple[str, dict[str, object]]] = []
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                gateway.heard.append((self.path, json.loads(body)))
                self.send_response(gateway.status)
                if gateway.status == 307:
                    self.send_header("Location", f"http://127.0.0.1:{gateway.port}/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    gateway = Gateway()
    thread = Thread(target=gateway.server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield gateway
    gateway.server.shutdown()
    thread.join(PATIENCE)
    gateway.server.server_close()


def test_a_short_message_goes_to_the_telephone(gateway: Gateway) -> None:
    notifier = AppriseNotifier(Secret(f"json://user:s3cret@127.0.0.1:{gateway.port}/send/{{telephone}}"))
    assert notifier.reaches(ANN)
    assert not notifier.reaches(Contact("ann@example.org", "ann@private.example"))
    assert notifier.send(NOTICE, ANN, "i-1.notify_customer") == "told by json"
    path, told = gateway.heard[0]
    assert path in {"/send/%2B15550100", "/send/+15550100"}
    assert (told["title"], told["message"], told["attachments"]) == ("", "Kurz & gut", [])
    assert notifier.check() == "notices by Apprise, json, to the customer's telephone"


def test_the_whole_text_goes_to_an_address() -> None:
    with SmtpSink() as sink:
        url = f"mailto://127.0.0.1:{sink.port}?from=abuse@example.org&to={{address}}"
        notifier = AppriseNotifier(Secret(url))
        assert not notifier.reaches(Contact("ann@example.org", telephone="+15550100"))
        notifier.send(NOTICE, ANN, "i-1.notify_customer")
        sunk = sink.wait_for_messages(1)[0]
    assert sunk.addresses == ("ann+x@private.example",)
    message = email.message_from_bytes(sunk.content, policy=email.policy.default)
    assert message["Subject"] == "Ihr Konto"
    body = message.get_body(("plain",))
    assert body is not None
    assert "Grüße" in body.get_content()


def test_a_failure_may_pass_and_tells_no_secret(gateway: Gateway, capfd: pytest.CaptureFixture[str]) -> None:
    gateway.status = 500
    with pytest.raises(Temporary, match=r"^json did not take it: it answered 500$"):
        tell(f"json://user:s3cret@127.0.0.1:{gateway.port}/s3cret", "title", "text")
    gateway.server.server_close()
    with pytest.raises(Temporary, match=r"^json did not take it$"):
        tell("json://user:s3cret@127.0.0.1:1/s3cret", "title", "text")
    captured = capfd.readouterr()
    assert captured.err + captured.out == ""


def test_nothing_wanders_off_to_another_place(gateway: Gateway) -> None:
    gateway.status = 307
    with pytest.raises(Temporary):
        tell(f"json://127.0.0.1:{gateway.port}/here", "title", "text")
    assert [path for path, _ in gateway.heard] == ["/here"]


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("nowhere://s3cret", r"cannot use this URL \(nowhere://...\)"),
        ("https://s3cret.example.org", r"cannot use this URL \(https://...\)"),
        ("s3cret", r"cannot use this URL \(\?://...\)"),
        ("twilio://s3cret", r"cannot use this URL \(twilio://...\)"),
        ("json://user:s3cret@example.org", r"does not encrypt what goes to json://...: use jsons://"),
        ("mailto://user:s3cret@example.org", "use mailtos://"),
        ("mailtos://user:s3cret@example.org?mode=insecure", "does not encrypt"),
        ("mailto://user:s3cret@localhost?smtp=mail.example.org", "does not encrypt"),
        ("rsyslog://s3cret.example.org", "there is no encrypted way to this service"),
        ("jsons://user:s3cret@example.org?verify=no", "a certificate that nobody looks at"),
    ],
)
def test_a_url_that_must_not_be_used_is_refused_without_telling_it(url: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint) as caught:
        open_service(url)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("url", ["jsons://example.org", "mailtos://u:p@example.org", "json://localhost", "syslog://"])
def test_what_is_encrypted_or_stays_here_may_be_used(url: str) -> None:
    assert open_service(url).category == "native"


@pytest.mark.parametrize("url", ["json://localhost/x", "json://localhost/{telephone}/{address}"])
def test_a_url_for_customers_names_one_place(url: str) -> None:
    with pytest.raises(ConfigError, match=r"must have \{telephone\} or \{address\}"):
        AppriseNotifier(Secret(url))


def test_apprise_is_imported_only_where_it_is_used() -> None:
    code = "import sys, detector.response.providers; sys.exit('apprise' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
