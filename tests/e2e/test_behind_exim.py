"""The recipe for Exim, put into a real one: customers log in there, and it sends on what the hop hands back."""

import os
import re
import smtplib
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.support import packages
from tests.support.detector_process import CHECKOUT, DetectorProcess
from tests.support.exim import PASSWORD, Exim
from tests.support.mail_path import letter
from tests.support.ports import HOST, PATIENCE, free_port, wait_for
from tests.support.smtp_sink import SmtpSink

pytestmark = pytest.mark.e2e
RECIPE = (CHECKOUT / "deploy" / "exim" / "exim.conf").read_text("utf-8")
ANN = "ann@example.net"


@dataclass(frozen=True, slots=True)
class Path:
    exim: Exim
    detector: DetectorProcess
    sink: SmtpSink


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    packages.need("exim4-daemon-light")
    if os.geteuid() != 0:
        pytest.skip("a private Exim needs root: it starts as root and drops privileges itself")
    port, back = free_port(), free_port()
    own = re.search(r"\[\[identity\]\]\n#\s+source = \"(\w+)\"\n#\s+name = \"([\w-]+)\"\n#\s+trusted = (\w+)", RECIPE)
    assert own is not None, "the recipe says how the hop learns the login"
    identity = {"source": own[1], "name": own[2], "trusted": own[3] == "true"}
    detector = DetectorProcess(tmp_path_factory.mktemp("exim"), back, {"identity": [identity]})
    recipe = RECIPE
    for written, here in (
        ("0.0.0.0.25 ; 0.0.0.0.587", f"{HOST}.{port}"), ("10026", str(back)), ("10025", str(detector.port)),
    ):  # fmt: skip
        assert written in recipe
        recipe = recipe.replace(written, here)
    titled = re.split(r"^# == (\w+).*==\n", recipe, flags=re.MULTILINE)
    pieces = dict(zip(titled[1::2], titled[2::2], strict=True))
    with SmtpSink() as sink, detector, Exim(pieces, port, back, sink.port) as exim:
        yield Path(exim, detector, sink)


def test_mail_of_a_customer_passes_the_hop_and_leaves_by_the_same_exim(path: Path) -> None:
    forged = b"X-AuthUser: victim@example.net\r\n"
    with smtplib.SMTP(HOST, path.exim.port, timeout=PATIENCE) as client:
        client.login(ANN, PASSWORD)
        client.sendmail(ANN, ["kim@example.org"], forged + letter(ANN, "by exim"))
    [message] = path.sink.wait_for_messages(1, to="kim@")
    [verdict] = path.detector.wait_for_events("verdict")
    assert (verdict["account"], verdict["identity_source"]) == (ANN, "header")
    assert message.body == b"See you on Friday.\r\n"
    assert b"x-authuser" not in message.header.lower()
    assert [message.header.count(b"by " + host) for host in (b"submission.example", b"hop.example")] == [2, 1]


def test_mail_of_a_program_is_mail_of_the_user_who_runs_it(path: Path) -> None:
    before = len(path.detector.events("verdict"))
    path.exim.hand_in("lou@example.org", letter("web@example.net", "by a program"))
    path.sink.wait_for_messages(1, to="lou@")
    assert path.detector.wait_for_events("verdict", before + 1)[-1]["account"] == "root"


def test_what_the_next_server_defers_waits_at_exim_and_nothing_is_lost(path: Path) -> None:
    path.detector.kill()
    with smtplib.SMTP(HOST, path.exim.port, timeout=PATIENCE) as client:
        client.login(ANN, PASSWORD)
        client.sendmail(ANN, ["max@example.org"], letter(ANN, "waits"))
    wait_for(
        lambda: "max@example.org" in path.exim.queue() and "R=to_hop T=to_hop defer" in path.exim.log(), "it waits"
    )
    assert path.sink.messages_to("max@") == []
    path.detector.start()
    [message] = path.sink.wait_for_messages(1, to="max@")
    assert b"by hop.example" in message.header
