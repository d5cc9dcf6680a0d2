"""The demo's next hop speaks SMTP and knows who does not exist."""

import smtplib

from detector.cli.demo_sink import HOST, Arrived, Sink
from detector.cli.demo_world import NOBODY
from tests.support.ports import PATIENCE


def test_it_refuses_who_does_not_exist_and_keeps_the_rest() -> None:
    content = b"Subject: x\r\n\r\ny\r\n"
    with Sink() as sink:
        with smtplib.SMTP(HOST, sink.port, timeout=PATIENCE) as smtp:
            refused = smtp.sendmail("ann@a.example", ["kim@b.example", f"{NOBODY}1@b.example"], content)
            smtp.sendmail("", ["lee@b.example"], content)
        assert sink.arrived == [
            Arrived("ann@a.example", ("kim@b.example",), content),
            Arrived("", ("lee@b.example",), content),
        ]
    assert refused[f"{NOBODY}1@b.example"][0] == 550
