"""A real Postfix after the lines that `detector setup postfix` prints, after the recipes, and after the way back."""

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Literal

import pytest

from detector.cli.setup_host import read_host
from detector.cli.setup_page import page
from detector.config import load
from tests.support import postfix
from tests.support.detector_process import CHECKOUT, DetectorProcess
from tests.support.mail_path import Customer, Peers, letter, log_in
from tests.support.ports import HOST, free_port, wait_for
from tests.support.postfix import Postfix

pytestmark = pytest.mark.e2e
Way = Literal["relayhost", "content-filter", "before-queue"]
ANN = Customer("ann@example.net", network_address="127.0.0.3")
RECIPES = CHECKOUT / "deploy" / "postfix"


@dataclass(frozen=True, slots=True)
class Setup:
    """A Postfix without a hop, a hop beside it, and the server that all mail goes to in the end."""

    way: Way
    peers: Peers
    submission: Postfix
    detector: DetectorProcess
    back: int

    def page(self) -> str:
        return "\n".join(page(read_host(self.submission.configuration), load(self.detector.path), [self.way]))

    def run(self, lines: str) -> None:
        """As root types them; the reload among them is over when this returns."""
        log = self.submission.log()
        edit, reload, rest = lines.partition("postfix -c ")
        shell(edit)
        postfix.make_old(self.submission.configuration)
        shell(reload + rest)
        wait_for(lambda: "reload --" in self.submission.log().removeprefix(log), "Postfix has read it anew")

    def postconf(self) -> str:
        """All that is set."""
        words = ("/usr/sbin/postconf", "-c", self.submission.configuration)
        calls = (("-n",), ("-M",), ("-P",))
        done = [subprocess.run([*words, *call], capture_output=True, text=True, check=True).stdout for call in calls]
        return "\n".join(re.sub(r"[ \t]+", " ", text) for text in done)

    def sent(self, name: str, through_the_hop: bool) -> list[str]:
        """Send one message, wait until it is at its recipient, and tell of whom the hop said it was.

        The hop writes its verdict when the next server has taken the message: that may be after its arrival.
        """
        before = len(self.verdicts())
        with log_in(self.submission, ANN) as client:
            client.sendmail(ANN.login, [f"{name}@example.org"], letter(ANN.login, name))
        self.peers.sink.wait_for_messages(1, to=f"{name}@")
        if through_the_hop:
            self.detector.wait_for_events("verdict", before + 1)
        return self.verdicts()[before:]

    def verdicts(self) -> list[str]:
        return [f"{event['account']} by {event['identity_source']}" for event in self.detector.events("verdict")]


@pytest.fixture(params=["relayhost", "content-filter", "before-queue"])
def setup(request: pytest.FixtureRequest, peers: Peers) -> Iterator[Setup]:
    back = free_port()
    with ExitStack() as stack:
        outbound = stack.enter_context(postfix.outbound(peers.sink.port, []))
        next_hop = outbound.port if request.param == "relayhost" else back
        mode = "before-queue" if request.param == "before-queue" else "after-queue"
        detector = stack.enter_context(DetectorProcess(peers.directory, next_hop, {"mode": mode}))
        submission = stack.enter_context(postfix.without_hop(peers.dovecot.auth_socket, outbound.port))
        peers.dovecot.add_users({ANN.login: ANN.password})
        yield Setup(request.param, peers, submission, detector, back)


def test_a_postfix_is_set_up_set_back_and_set_up_by_the_recipe(setup: Setup) -> None:
    plain = setup.postconf()
    there, back = blocks(setup.page())
    assert setup.postconf() == plain, "printing has changed something"

    setup.run(there)
    assert "It is there already." in setup.page()
    assert setup.sent("printed", through_the_hop=True) == ["ann@example.net by policy-service"]

    setup.run(back)
    assert setup.postconf() == plain
    assert setup.sent("back", through_the_hop=False) == []

    write(setup, (RECIPES / f"{setup.way}.cf").read_text("utf-8"))
    assert "It is there already." in setup.page()
    assert setup.sent("recipe", through_the_hop=True) == ["ann@example.net by policy-service"]

    setup.run(setup.page().partition("Lines that lead mail past the hop:\n")[2])
    assert setup.sent("past", through_the_hop=False) == []
    setup.submission.wait_until_queue_empty()


def shell(lines: str) -> None:
    environment = {"PATH": f"/usr/sbin:{os.environ['PATH']}"}
    done = subprocess.run(["sh", "-e"], input=lines, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{lines}\n{done.stderr}"


def blocks(page: str) -> tuple[str, str]:
    """The lines for the shell: those that set it up, and those that take it back."""
    there, back = page.partition("Then, with the hop running:\n")[2].split("The way back:\n")
    return there, back


def write(setup: Setup, recipe: str) -> None:
    """Put the recipe into main.cf and master.cf, with the addresses of this test in place of those of a real host."""
    service = f"{HOST}:{setup.submission.port} inet"
    for written, here in (
        ("127.0.0.1:10026", f"{HOST}:{setup.back}"), ("127.0.0.1:10031", f"{HOST}:{setup.detector.policy_port}"),
        ("127.0.0.1:10025", f"{HOST}:{setup.detector.port}"), ("[127.0.0.1]:10025", f"[{HOST}]:{setup.detector.port}"),
        ("submission inet", service),
    ):  # fmt: skip
        recipe = recipe.replace(written, here)
    main, master = recipe.partition("# == main.cf ==\n")[2].split("# == master.cf ==\n")
    directory = setup.submission.configuration
    with (directory / "main.cf").open("a", encoding="utf-8") as file:
        file.write(main)
    lines = (directory / "master.cf").read_text("utf-8").splitlines(keepends=True)
    others = "".join(line for line in lines if not line.startswith(service))
    (directory / "master.cf").write_text(master + others, "utf-8")
    setup.run(f"postfix -c {directory} reload")
