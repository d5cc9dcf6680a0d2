"""What comes back reaches the account: from the log of a real Postfix, and by SMTP, whenever we are killed."""

import re
import smtplib
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from detector.state.handed_over import unpack
from detector.state.profiles import read_profile
from detector.state.table import open_for_reading, stored_rows
from detector.state.writer import batched
from detector.traffic.profile import Profile
from tests.support import postfix
from tests.support.detector_process import DetectorProcess, Settings, merged
from tests.support.feedback import arf, dsn
from tests.support.mail_path import letter
from tests.support.ports import HOST, PATIENCE, free_port, wait_for
from tests.support.postfix import Postfix
from tests.support.smtp_sink import SmtpSink

pytestmark = [pytest.mark.e2e, pytest.mark.debian("postfix")]
ANN = "ann@example.net"
REPORTS = "abuse-reports@hop.example"


class Place:
    """Detector, outbound Postfix and the world behind it."""

    def __init__(self, directory: Path, outbound: Postfix, sink: SmtpSink) -> None:
        self.outbound, self.sink, self.door = outbound, sink, free_port()
        self.settings: Settings = {
            "identity": [{"source": "envelope-sender"}],
            # What the judge says of the mail itself is not what is tested here.
            "judging": {"hold_score": 11.5, "window_start": 500},
            "feedback": {
                "logs": [{"source": "file", "mta": "postfix", "path": str(outbound.directory / "log")}],
                "tags": {"header": "X-Hop-Tag"},
                "listen": [f"{HOST}:{self.door}"],
                "addresses": [REPORTS],
            },
        }
        self.detector = DetectorProcess(directory, outbound.port, self.settings)

    def send(self, *recipients: str, sender: str = ANN) -> None:
        with smtplib.SMTP(HOST, self.detector.port, timeout=PATIENCE) as client:
            client.sendmail(sender, list(recipients), letter(sender, "hello"))

    def report(self, octets: bytes) -> None:
        with smtplib.SMTP(HOST, self.door, timeout=PATIENCE) as client:
            client.sendmail("", [REPORTS], octets)

    def profile(self, account: str = ANN) -> Profile:
        return read_profile(self.detector.state / "profiles.sqlite", account) or Profile()

    def follows(self) -> bool:
        files = self.detector.state.glob("followed.sqlite*")
        return b"place " in b"".join(file.read_bytes() for file in files)

    def wait_for_line(self, words: str) -> None:
        wait_for(lambda: words in self.outbound.log(), f"Postfix logs {words}")

    def wait_for_bounces(self, count: int) -> None:
        try:
            wait_for(lambda: round(self.profile().reputation.bounced) >= count, f"{count} bounces count")
        except TimeoutError as error:
            msg = f"{error}, but {self.profile().reputation}\n{self.detector.metrics()}\n{self.detector.log()[-4000:]}"
            raise TimeoutError(msg) from error

    def tag(self, recipient: str) -> str:
        (message,) = self.sink.wait_for_messages(1, to=recipient)
        found = re.search(rb"X-Hop-Tag: (\S+)", message.header)
        assert found is not None
        return found[1].decode()

    def wait_until_written(self, tag: str) -> None:
        """A moment after the message has passed it is on disk whose it was."""
        path, transaction_id = self.detector.state / "handed_over.sqlite", tag.split(".")[2]
        wait_for(
            lambda: any(unpack(packed).transaction_id == transaction_id for packed in values(path)),
            "the transaction is on disk",
        )

    def reports(self, kind: str, tie: str) -> float:
        return self.detector.metrics().get(f'detector_feedback_reports_total{{kind="{kind}",tie="{tie}"}}', 0.0)


def values(path: Path) -> list[bytes]:
    """Also those that are not in their table yet."""
    connection = open_for_reading(path)
    assert connection is not None
    with closing(connection):
        return [row[2] for row in batched(connection, path)] + [packed for _, packed in stored_rows(path)]


@pytest.fixture
def place(sink: SmtpSink, tmp_path: Path) -> Iterator[Place]:
    sink.answer("RCPT", "bad", "550 5.1.1 No such user here")
    sink.answer("END", "spam", "554 5.7.1 This looks like spam")
    with postfix.outbound(sink.port) as outbound:
        place = Place(tmp_path / "detector", outbound, sink)
        (outbound.directory / "log").touch()
        with place.detector:
            # A log that is named for the first time is followed from its end.
            wait_for(place.follows, "the log is followed")
            yield place


def test_the_accounts_evidence_changes_with_the_log_line(place: Place) -> None:
    place.sink.answer("RCPT", "slow", "451 4.7.1 Greylisted", 1)
    place.send("bad1@example.org", "slow1@example.org", "good1@example.org")
    place.send("spam1@example.org")
    place.wait_for_line("status=bounced (host 127.0.0.1[127.0.0.1] said: 554")
    place.wait_for_bounces(2)
    profile = place.profile()
    assert round(profile.reputation.sent) == 4
    assert [round(answer) for answer in profile.counters.answers] == [4, 1, 0, 0, 1, 0]
    place.wait_for_line("slow1@example.org>, relay=127.0.0.1[127.0.0.1]:" + str(place.sink.port))
    place.sink.wait_for_messages(1, to="slow1@example.org")
    assert round(place.profile().reputation.bounced) == 2
    wait_for(lambda: round(place.profile().reputation.deferred) == 1, "the deferral counts")
    assert place.profile().doubtful.slowed == 0.0


def test_one_recipient_who_reports_for_all_of_them_makes_one_answer(place: Place) -> None:
    recipients = [f"member{number}@example.org" for number in range(8)]
    place.send(*recipients)
    tag = place.tag(recipients[0])
    place.wait_until_written(tag)
    for recipient in recipients:
        place.report(dsn(recipient, tag))
    place.wait_for_bounces(8)
    profile = place.profile()
    assert (round(profile.counters.answers[1]), round(profile.doubtful.refused)) == (1, 1)
    assert round(profile.window.refused) == 8


def test_a_complaint_by_smtp_counts_and_a_forged_one_is_counted_only(place: Place) -> None:
    place.send("bob@example.org", "cid@example.org")
    tag = place.tag("bob@example.org")
    place.report(arf("bob@example.org", tag[:-3] + "aaa"))
    place.report(dsn("bob@example.org", tag[:-3] + "aaa"))
    wait_for(lambda: place.reports("complaint", "forged") + place.reports("bounce", "forged") == 2, "both are read")
    before = place.profile()
    assert (before.reputation.bounced, before.reputation.complained, len(before.complainers)) == (0, 0, 0)

    for _ in range(3):
        place.report(arf("bob@example.org", tag))
    wait_for(lambda: round(place.profile().reputation.complained) == 1, "the complaint counts")
    wait_for(lambda: place.reports("complaint", "tag") == 3, "all three are read")
    assert round(place.profile().reputation.complained) == 1
    wait_for(lambda: not list((place.detector.state / "reports" / "new").iterdir()), "what was read has gone")

    place.send("bob@example.org")
    wait_for(lambda: round(place.profile().complainers.again) == 1, "mail to a complainer counts")
    shown = place.detector.command("accounts", "show", ANN, "--config", str(place.detector.path))
    assert "had complained" in shown


def test_the_logs_of_two_hosts_are_followed(place: Place, sink: SmtpSink, tmp_path: Path) -> None:
    """The second takes over when the first is gone. It sends its log by syslog, as a host of its own does."""
    port = free_port()
    with postfix.outbound(sink.port) as second:
        first = f"{HOST}:{place.outbound.port}"
        logs = [
            {"source": "file", "mta": "postfix", "path": str(place.outbound.directory / "log"), "next_hops": [first]},
            {
                "source": "syslog",
                "mta": "postfix",
                "transport": "tcp",
                "listen": f"{HOST}:{port}",
                "next_hops": [f"{HOST}:{second.port}"],
            },
        ]
        settings = merged(
            place.settings,
            {"feedback": {"logs": logs}, "next_hop": {"servers": [first, f"{HOST}:{second.port}"]}},
        )
        place.detector.kill()
        with DetectorProcess(tmp_path / "two", place.outbound.port, settings) as place.detector:
            wait_for(place.follows, "the log is followed")
            place.send("bad1@example.org")
            place.wait_for_bounces(1)
            place.outbound.stop()
            place.send("bad2@example.org")
            wait_for(lambda: "status=bounced" in second.log(), "the second host bounces it")
            with socket.create_connection((HOST, port), timeout=PATIENCE) as sender:
                sender.sendall("".join(f"<22>{line}\n" for line in second.log().splitlines()).encode())
            place.wait_for_bounces(2)
    assert round(place.profile().reputation.bounced) == 2


def test_kills_in_the_middle_count_nothing_twice_and_lose_nothing(place: Place) -> None:
    settings = place.detector.path.read_text("utf-8")
    place.detector.path.write_text(settings.replace("observe = false", "observe = true"), "utf-8")  # else it is blocked
    place.detector.kill()
    place.detector.start()
    total = 0
    for number in range(6):
        place.send(*(f"bad{number}-{n}@example.org" for n in range(10)), f"good{number}@example.org")
        total += 10
        tag = place.tag(f"good{number}@example.org")
        place.report(arf(f"good{number}@example.org", tag))
        place.wait_until_written(tag)
        if number % 2:
            place.wait_for_line(f"bad{number}-9@example.org")
        place.detector.kill()
        place.detector.start()
    place.outbound.wait_until_queue_empty()
    place.wait_for_bounces(total)
    wait_for(lambda: round(place.profile().reputation.complained) == 6, "all complaints count")
    place.detector.kill()
    place.detector.start()
    before = place.profile().reputation.sent
    place.send("good@example.org")
    wait_for(lambda: place.profile().reputation.sent > before, "the last message counts")
    reputation = place.profile().reputation
    assert (round(reputation.bounced), round(reputation.complained)) == (total, 6)


def test_a_late_wave_of_bounces_opens_an_incident_that_says_so(place: Place) -> None:
    place.send(*(f"bad{number}@d{number}.example.org" for number in range(60)), *["good@example.org"] * 1)
    wait_for(lambda: bool(place.detector.events("incident_opened")), "an incident is opened")
    (late,) = place.detector.wait_for_events("late_verdict")
    assert (late["account"], late["blocked"]) == (ANN, True)
    (opened,) = place.detector.events("incident_opened")
    shown = place.detector.command("incidents", "show", opened["incident"], "--config", str(place.detector.path))
    assert "recipients of the last hours or days" in shown
    with pytest.raises(smtplib.SMTPException):
        place.send("good@example.org")
